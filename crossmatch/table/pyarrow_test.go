package table_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// TestPyarrow reads what pyarrow writes. It needs a Python that has it: PYTHON,
// or the one in the path.
func TestPyarrow(t *testing.T) {
	python := cmp.Or(os.Getenv("PYTHON"), "python3")
	if err := exec.Command(python, "-c", "import pyarrow").Run(); err != nil {
		t.Skip("no Python with pyarrow")
	}
	dir := t.TempDir()
	out, err := exec.Command(python, "testdata/make_parquet.py", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	files, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	require.NoError(t, err)
	require.Len(t, files, 21)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			o := table.Options{Rows: 999}
			if filepath.Base(f) != "delta.parquet" { // whose decoder in the library keeps a buffer
				o.Memory = checked(t)
			}
			tab, err := table.Open(f, o)
			require.NoError(t, err)
			defer tab.Close()
			rec := whole(t, tab)
			require.Equal(t, int64(20_000), rec.NumRows())
			ra, dec, text := floats(rec, "ra"), floats(rec, "dec"), cells(rec, "text")
			for i := range ra {
				require.Equal(t, float64(i)/20_000*360, ra[i])
				require.Equal(t, float64(i%180-90), dec[i])
				require.Equal(t, fmt.Sprintf("%032d", i), text[i])
			}
			if len(rec.Schema().Fields()) == 3 {
				return
			}
			assert.Equal(t, []string{"abc", "de", "(null)", "f"}, cells(rec, "cat")[19_996:])
			assert.Equal(t, "utf8", rec.Column(rec.Schema().FieldIndices("cat")[0]).DataType().Name(), "no dictionary, as Arrow had it")
			assert.Equal(t, 20_000, rec.Column(rec.Schema().FieldIndices("null")[0]).NullN())
			assert.Equal(t, "199", cells(rec, "u8")[19_999])
		})
	}
	tab, err := table.Open(filepath.Join(dir, "split.refused"), table.Options{})
	require.NoError(t, err)
	defer tab.Close()
	_, err = rows(tab)
	assert.ErrorContains(t, err, `row group 0, column "ra": its encoding, BYTE_STREAM_SPLIT, is not supported: write it with another`)
}
