package table_test

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

// TestAstropy compares with what astropy writes and reads. It needs a Python
// that has it: PYTHON, or the one in the path.
func TestAstropy(t *testing.T) {
	python := cmp.Or(os.Getenv("PYTHON"), "python3")
	if err := exec.Command(python, "-c", "import astropy").Run(); err != nil {
		t.Skip("no Python with astropy")
	}
	dir := t.TempDir()
	out, err := exec.Command(python, "testdata/make_tables.py", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	t.Run("sexagesimal", func(t *testing.T) { testSexagesimal(t, dir) })
	for _, f := range files {
		name := strings.TrimSuffix(f, ".json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			var want map[string][]any
			require.NoError(t, json.Unmarshal(text, &want))
			tab, err := table.Open(name, table.Options{Memory: checked(t), Rows: 97})
			require.NoError(t, err)
			defer tab.Close()
			rec := whole(t, tab)
			assert.Len(t, rec.Schema().Fields(), len(want))
			for col, values := range want {
				at := rec.Schema().FieldIndices(col)
				require.Len(t, at, 1, col)
				got := rec.Column(at[0])
				require.Equal(t, len(values), got.Len(), col)
				for i, w := range values {
					same(t, got, i, w, col)
				}
			}
		})
	}
}

// same compares a value with what JSON has of it: nothing, text or a list.
func same(t *testing.T, got arrow.Array, i int, want any, col string) {
	t.Helper()
	if want == nil || got.IsNull(i) {
		float, _ := got.(*array.Float64)
		if want == nil && float != nil && float.Value(i) != float.Value(i) {
			return // NaN
		}
		require.True(t, want == nil && got.IsNull(i), "%s %d: %v, not %v", col, i, got.ValueStr(i), want)
		return
	}
	switch got := got.(type) {
	case *array.FixedSizeList:
		list := want.([]any)
		n := int(got.DataType().(*arrow.FixedSizeListType).Len())
		require.Len(t, list, n)
		for e := range list {
			same(t, got.ListValues(), i*n+e, list[e], col)
		}
	case *array.Boolean:
		require.Equal(t, want, got.Value(i), "%s %d", col, i)
	case *array.Float64:
		sameFloat(t, got.Value(i), want, col, i)
	case *array.Float32:
		sameFloat(t, float64(got.Value(i)), want, col, i)
	case *array.Int8: // which is a float there
		sameFloat(t, float64(got.Value(i)), want, col, i)
	default:
		require.Equal(t, want, got.ValueStr(i), "%s %d", col, i)
	}
}

func sameFloat(t *testing.T, got float64, want any, col string, i int) {
	t.Helper()
	w, err := strconv.ParseFloat(want.(string), 64)
	require.NoError(t, err)
	if w != w && got != got {
		return
	}
	// Scaled numbers of bytes are float32 there.
	require.InDelta(t, w, got, 1e-15*max(w, -w), "%s %d", col, i)
}

func testSexagesimal(t *testing.T, dir string) {
	tab, err := table.Open(filepath.Join(dir, "sexagesimal.fits"), table.Options{Memory: checked(t)})
	require.NoError(t, err)
	defer tab.Close()
	rec := whole(t, tab)
	assert.InDelta(t, (42*60+44.33)/240, floats(rec, "RAJ2000")[0], 1e-12)
	assert.InDelta(t, -(16./60 + 7.5/3600), floats(rec, "DEJ2000")[0], 1e-12)
}
