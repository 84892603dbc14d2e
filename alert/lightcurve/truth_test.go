package lightcurve

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream"
)

const science = "../../../../shared/science"

// table returns the only row group of a file in shared/science.
func table(t testing.TB, name string) arrow.Record {
	data, err := os.ReadFile(filepath.Join(science, name))
	if os.IsNotExist(err) {
		t.Skip("no shared/science")
	}
	require.NoError(t, err)
	r, err := inspect.OpenReader(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, 1, r.NumRowGroups())
	rec, err := r.ReadRowGroup(0, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		rec.Release()
		r.Close()
	})
	return rec
}

type truthCase struct {
	id    int64
	kind  string
	curve Curve
}

func cases(t testing.TB) (out []truthCase) {
	rec := table(t, "features_cases.parquet")
	list := func(name string, i int) []float64 {
		l := stream.Field(rec, name).(*array.List)
		from, to := l.ValueOffsets(i)
		return l.ListValues().(*array.Float64).Float64Values()[from:to]
	}
	for i := range int(rec.NumRows()) {
		out = append(out, truthCase{
			stream.Field(rec, "case_id").(*array.Int64).Value(i), stream.Field(rec, "kind").(*array.String).Value(i),
			Curve{list("t", i), list("m", i), list("e", i)},
		})
	}
	return out
}

// exact are the features without arithmetic beyond a difference, a half or a count.
var exact = map[string]bool{
	"median": true, "amplitude": true, "percent_amplitude": true, "median_absolute_deviation": true,
	"beyond_1_std": true, "median_buffer_range_percentage_10": true, "inter_percentile_range_10": true,
	"duration": true, "minimum_time_interval": true, "maximum_time_interval": true, "observation_count": true,
	"otsu_lower_to_all_ratio": true,
}

// TestTruth compares features with those of the package light-curve, by the rules of
// oracle/features_check.py.
func TestTruth(t *testing.T) {
	want, slackRec := table(t, "features_expected.parquet"), table(t, "features_slack.parquet")
	type key struct {
		id   int64
		name string
	}
	slack := map[key]float64{}
	for i := range int(slackRec.NumRows()) {
		k := key{stream.Field(slackRec, "case_id").(*array.Int64).Value(i), stream.Field(slackRec, "feature").(*array.String).Value(i)}
		slack[k] = stream.Field(slackRec, "within").(*array.Float64).Value(i)
	}
	var x, y Extractor
	wrong := map[string]int{}
	compare := func(how string, got []float64, i int, c truthCase) {
		for f, name := range names {
			within := 10 * slack[key{c.id, name}]
			v, ok := stream.Float64s(stream.Field(want, name))(i)
			tolerance := 1e-9
			if exact[name] {
				tolerance = 1e-12
			}
			switch {
			case math.IsInf(within, 1), ok && math.IsInf(v, 0) && math.IsNaN(got[f]), !ok && math.IsNaN(got[f]):
			case !ok, !(math.Abs(got[f]-v) <= max(tolerance*math.Abs(v), within)):
				if wrong[how+name]++; wrong[how+name] < 4 {
					t.Errorf("%s %s, case %d (%s, %d points): got %v, want %v %v", how, name, c.id, c.kind, len(c.curve.T), got[f], v, ok)
				}
			}
		}
	}
	all := cases(t)
	require.Len(t, all, int(want.NumRows()))
	for i, c := range all {
		require.Equal(t, c.id, stream.Field(want, "case_id").(*array.Int64).Value(i))
		compare("Extractor", x.Features(nil, c.curve), i, c)
		compare("reference", plain(y.Clean(c.curve)), i, c)
	}
	for name, n := range wrong {
		t.Logf("%s: %d wrong", name, n)
	}
}

func TestLnPhi(t *testing.T) {
	// From scipy.special.log_ndtr.
	for z, want := range map[float64]float64{
		-1: -1.8410216450092635, -10: -53.23128515051248, -30: -454.32124395634327, 2: -0.023012909328963476,
	} {
		assert.InEpsilon(t, want, lnPhiExact(z), 1e-14, "z = %v", z)
	}
	table := lnPhi()
	for z := -9.5; z < 9.5; z += 1. / 1024 {
		lower, upper := table.both(z)
		assert.InDelta(t, lnPhiExact(z), lower, 2e-15*max(1, math.Abs(lower)), "z = %v", z)
		assert.InDelta(t, lnPhiExact(-z), upper, 2e-15*max(1, math.Abs(upper)), "z = %v", z)
	}
}
