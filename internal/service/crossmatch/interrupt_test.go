package crossmatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/catalog"
)

// Ctrl-C during writing leaves no file, and an existing one unchanged. Its message
// does not claim that nothing is lost.
func TestInterrupted(t *testing.T) {
	var text strings.Builder
	text.WriteString("ra,dec\n")
	for i := range 3 * batchRows {
		fmt.Fprintf(&text, "%g,0\n", float64(i)/batchRows)
	}
	positions := file(t, "p.csv", text.String())
	catalog := file(t, "c.csv", "ra,dec,n\n10,0,"+strings.Repeat("long", 100)+"\n")
	for _, name := range []string{"x.csv", "x.tsv", "x.parquet"} {
		for _, before := range []string{"", "what was there"} {
			dir := t.TempDir()
			out := filepath.Join(dir, name)
			if before != "" {
				require.NoError(t, os.WriteFile(out, []byte(before), 0o600))
			}
			ctx, cancel := context.WithCancel(t.Context())
			requests, half := 0, int64(0)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if requests++; requests == 2 { // the first batchRows was written
					half = sizeOfHidden(t, dir)
					cancel()
				}
				w.Header().Set("Content-Type", "text/xml")
				_, _ = w.Write([]byte(`<VOTABLE><RESOURCE><TABLE><FIELD name="angDist" datatype="double"/><FIELD name="skyfinch_row" datatype="int"/>` +
					`<FIELD name="main_id" datatype="char" arraysize="*"/><FIELD name="otype" datatype="char" arraysize="*"/><DATA><TABLEDATA></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>`))
			}))
			_, says, err := commandWith(t, ctx, "-positions", positions, "-catalog", "cds:simbad", "-catalog", "c="+catalog, "-cds-url", s.URL, "-o", out)
			s.Close()
			require.EqualError(t, err, "interrupted: nothing was written to "+out+": start again from the beginning")
			assert.False(t, errors.Is(err, context.Canceled), "for which cli.Main says less")
			assert.NotContains(t, says, "rows written")
			if name != "x.parquet" { // of which a row group is held
				assert.Positive(t, half)
			} else {
				assert.GreaterOrEqual(t, half, int64(0))
			}
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			if before == "" {
				assert.Empty(t, left)
				continue
			}
			assert.Len(t, left, 1)
			now, err := os.ReadFile(out)
			require.NoError(t, err)
			assert.Equal(t, before, string(now))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := commandWith(t, ctx, "-positions", positions, "-catalog", "c="+catalog)
	assert.EqualError(t, err, "interrupted: not all rows were written: start again from the beginning")
}

// sizeOfHidden returns the size of the temporary file, -1 if there is none.
func sizeOfHidden(t *testing.T, dir string) int64 {
	names, err := filepath.Glob(filepath.Join(dir, ".x.*.tmp"))
	assert.NoError(t, err)
	if len(names) != 1 {
		return -1
	}
	info, err := os.Stat(names[0])
	assert.NoError(t, err)
	return info.Size()
}

// An output must not be an input, nor lie where the next run would read it as one.
func TestOutputIsNotInput(t *testing.T) {
	dir := t.TempDir()
	hour := filepath.Join(dir, "2026", "11")
	require.NoError(t, os.MkdirAll(hour, 0o755))
	other := t.TempDir()
	link := filepath.Join(other, "link")
	require.NoError(t, os.Symlink(hour, link))
	hard := filepath.Join(other, "hard.csv")
	table := file(t, "c.csv", "ra,dec\n10,0\n")
	require.NoError(t, os.Link(table, hard))
	o := &options{positions: dir, catalogs: []catalog.Spec{{Where: table}, {Where: "cds:simbad"}}}
	for out, says := range map[string]string{
		"":                                     "",
		filepath.Join(dir, "x.csv"):            "",
		filepath.Join(other, "x.parquet"):      "",
		filepath.Join(dir, "x.parquet"):        "whose files are read",
		filepath.Join(hour, "x.parquet"):       "whose files are read",
		filepath.Join(link, "x.parquet"):       "whose files are read",
		filepath.Join(other, "none", "x.csv"):  "no such file",
		table:                                  "is also an input",
		hard:                                   "is also an input",
		link:                                   "is not a file",
		filepath.Join(dir, "..", "x.parquet"):  "",
		filepath.Join(hour, "..", "y.parquet"): "whose files are read",
	} {
		o.out, o.format = out, formatOf(out)
		err := o.checkOut(nil)
		if says == "" {
			assert.NoError(t, err, out)
		} else {
			assert.ErrorContains(t, err, says, out)
		}
	}
}
