package table_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

func TestFITS(t *testing.T) {
	for i, want := range []struct{ schema, id string }{
		{"RA DEC id flag name", "(null)"}, {"RA DEC id flag name", "2147483655"}, {"RA DEC v n", ""}, {"RA DEC", ""},
	} {
		b := fitsSeeds()[i]
		rec := readText(t, string(b), table.Options{Rows: 1})
		assert.Equal(t, want.schema, strings.Join(fieldNames(rec.Schema()), " "))
		if want.id != "" {
			assert.Equal(t, want.id, cells(rec, "id")[1])
			assert.Equal(t, []string{"true", "M31"}, []string{cells(rec, "flag")[0], cells(rec, "name")[1]})
		}
		if i == 2 {
			assert.Equal(t, "[0,3.5]", cells(rec, "v")[0], "TSCAL")
		}
		if i == 3 {
			assert.InDelta(t, 57.29577951308232, floats(rec, "RA")[0], 1e-13, "TUNIT")
			continue
		}
		assert.Equal(t, "1", cells(rec, "RA")[0])
		assert.Equal(t, "-2", cells(rec, "DEC")[0])
	}
}

func TestFITSLeftOut(t *testing.T) {
	for column, want := range map[string]string{"p": "an array of variable length", "P": "an array of variable length"} {
		_, err := read(fitsSeeds()[3], table.Options{Columns: []string{column}})
		assert.EqualError(t, err, `table: x: column "p" cannot be read: it is `+want)
	}
}

func TestFITSErrors(t *testing.T) {
	cols := []string{"RA D", "DEC D", "id J", "flag L", "name 5A"}
	for _, c := range []struct {
		cards []string
		want  string
	}{
		{[]string{"NAXIS2=1152921504606846976"}, "its axes are too large for a file"},
		{[]string{"NAXIS2=1000000"}, "its header claims 1000000 rows of 26 bytes, but 2880 bytes follow: unexpected EOF"},
		{[]string{"NAXIS1=1099511627776"}, "rows of 1099511627776 bytes (NAXIS1): more than 64 MiB cannot be read"},
		{[]string{"NAXIS1=20"}, "column 4 ends at byte 21 of rows that have 20 (NAXIS1)"},
		{[]string{"NAXIS1=-20"}, `NAXIS1 is "-20", not a size`},
		{[]string{"TFIELDS=1000"}, `TFIELDS is "1000"`},
		{[]string{"TFORM2='9Z'"}, `column 2: TFORM is "9Z", not a known type`},
		{[]string{"TFORM2='99999999999D'"}, `column 2: TFORM is "99999999999D", too large for a row`},
		{[]string{"TUNIT1='parsec'"}, `column "RA" of the position has the unit "parsec", which is not known: name a column in degrees, hours or radians in RA and Dec`},
		{[]string{"ZTABLE=T"}, "its table is compressed (ZTABLE): unpack it with funpack first"},
	} {
		_, err := read(fitsTable(fitsRow, 3, cols, c.cards...), table.Options{})
		require.Error(t, err, c.cards)
		text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "table: x: "), "header 1: ")
		assert.Equal(t, c.want, text)
	}
	_, err := read(primary, table.Options{})
	assert.EqualError(t, err, "table: x: it has no binary table, only IMAGE")
	_, err = read([]byte("PK\x03\x04"), table.Options{})
	assert.EqualError(t, err, "table: x: it is a zip archive: convert it first")
}

// A very long text is not copied for each of its cards.
func TestFITSContinue(t *testing.T) {
	card := func(s string) string { return fmt.Sprintf("%-80s", s) }
	var b strings.Builder
	b.WriteString(card("SIMPLE  =                    T") + card("LONG    = 'x&'"))
	for b.Len() < 8<<20 {
		b.WriteString(card("CONTINUE  '" + strings.Repeat("x", 66) + "&'"))
	}
	before := allocated()
	_, err := read([]byte(b.String()), table.Options{Format: table.FITS})
	assert.ErrorContains(t, err, "which has no END")
	assert.Less(t, allocated()-before, uint64(8*b.Len()))
}

func TestFITSPackedClaims(t *testing.T) {
	b := packed(fitsTable(fitsRow, 3, []string{"RA D", "DEC D", "id J", "flag L", "name 5A"}, "NAXIS2=100000000000"))
	before := allocated()
	tab, err := read(b, table.Options{Memory: checked(t)})
	require.NoError(t, err, "it shows when the rows are read")
	_, err = rows(tab)
	assert.EqualError(t, err, "table: x: row 1 of 100000000000: its rows are truncated: unexpected EOF")
	assert.Less(t, allocated()-before, uint64(16<<20))
}

func TestParquet(t *testing.T) {
	b := parquetFile(t, 1000)
	rec := readText(t, string(b), table.Options{Rows: 70})
	assert.Equal(t, []string{"ra", "dec", "name", "id"}, fieldNames(rec.Schema()))
	assert.Equal(t, int64(1000), rec.NumRows())
	assert.Equal(t, -999., floats(rec, "dec")[999], "float32 is widened")
	assert.Equal(t, []string{"(null)", "name 1"}, cells(rec, "name")[:2])
	_, err := read(b, table.Options{Columns: []string{"mag"}})
	assert.EqualError(t, err, `table: x: column "mag" cannot be read: it is a list, a map, or nested too deeply`)
}

// Scaled bytes take eight times their size in memory.
func TestFITSScaledRow(t *testing.T) {
	row := fitsRow[:16] + strings.Repeat("\x00", 20<<20)
	b := fitsTable(row, 1, []string{"RA D", "DEC D", fmt.Sprintf("x %dB", 20<<20)}, "TSCAL3=2.")
	before := allocated()
	tab, err := read(b, table.Options{})
	require.NoError(t, err)
	_, err = rows(tab)
	assert.ErrorContains(t, err, "more than 64 MiB cannot be read")
	assert.Less(t, allocated()-before, uint64(100<<20))
	tab, err = read(b, table.Options{Columns: []string{}})
	require.NoError(t, err)
	assert.EqualValues(t, 1, whole(t, tab).NumRows(), "without the column")
}
