package sim_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/ocf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	own "github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// write writes packets as files, and returns their directory.
func write(t *testing.T, ext string, packets ...sim.Packet) string {
	dir := t.TempDir()
	for i, p := range packets {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.%s", i, ext)), p.Value, 0o666))
	}
	return dir
}

func simulated(t *testing.T, survey sim.Survey, n int64) []sim.Packet {
	s := sim.Simulator{Survey: survey, Seed: 11, Alerts: 30}
	return collect(t, s.Packets(n))
}

func TestReplay(t *testing.T) {
	for survey, ext := range map[sim.Survey]string{sim.ZTF: "avro", sim.LSST: "bin"} {
		packets := simulated(t, survey, 7)
		r := sim.Replay{Patterns: []string{write(t, ext, packets...)}}
		assert.Equal(t, packets, collect(t, r.Packets(t.Context(), 0)))
		assert.Equal(t, packets[:3], collect(t, r.Packets(t.Context(), 3)))
		assert.Equal(t, append(append(packets, packets...), packets[:1]...), collect(t, r.Packets(t.Context(), 15)))
		n := 0
		for range r.Packets(t.Context(), -1) {
			if n++; n == 20 {
				break
			}
		}
		assert.Equal(t, 20, n)
	}
}

// spark writes LSST's packets as many records of one compressed container.
func spark(t *testing.T, codec ocf.CodecName, text string, datums ...[]byte) []byte {
	var b bytes.Buffer
	schema, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
	require.NoError(t, err)
	w, err := ocf.NewEncoderWithSchema(schema, &b, ocf.WithCodec(codec))
	require.NoError(t, err)
	for _, d := range datums {
		var v map[string]any
		require.NoError(t, avro.Unmarshal(schema, d, &v))
		require.NoError(t, w.Encode(v))
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestReplayFramesLSST(t *testing.T) {
	text, err := new(sim.Registry).Schema(t.Context(), 900)
	require.NoError(t, err)
	text = bytes.ReplaceAll(text, []byte("lsst.v9_0"), []byte("spark"))
	packets := simulated(t, sim.LSST, 5)
	var datums [][]byte
	for _, p := range packets {
		datums = append(datums, p.Value[5:])
	}
	dir := t.TempDir()
	one := spark(t, ocf.Null, string(text), datums[0])
	for name, b := range map[string][]byte{
		"many": spark(t, ocf.Deflate, string(text), datums...), "one": one,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".avro"), b, 0o666))
	}
	registry := &sim.Registry{Dir: filepath.Join(dir, "schemas")}
	r := sim.Replay{Patterns: []string{dir}, Registry: registry}
	got := collect(t, r.Packets(t.Context(), 0))
	require.Len(t, got, 6)
	id := binary.BigEndian.Uint32(got[0].Value[1:])
	assert.Greater(t, id, uint32(100_000))
	for i, p := range append(packets, packets[0]) {
		assert.Equal(t, p.ID, got[i].ID)
		assert.Equal(t, p.Time, got[i].Time)
		assert.Equal(t, p.Object, got[i].Object)
		assert.Equal(t, id, binary.BigEndian.Uint32(got[i].Value[1:]), "of one text")
		assert.Zero(t, got[i].Value[0])
	}
	known, err := registry.Schema(t.Context(), id)
	require.NoError(t, err)
	h, err := own.ParseHeader(one)
	require.NoError(t, err)
	assert.Equal(t, string(h.Schema), string(known), "the file's own text")
	decode(t, registry, got...)

	ids, err := registry.IDs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []uint32{900, id}, ids)
	decode(t, alert.DirRegistry(registry.Dir), got...) // another process

	again := collect(t, r.Packets(t.Context(), 0))
	assert.Equal(t, got, again, "ids stay")
}

func TestReplayUnknown(t *testing.T) {
	dir := t.TempDir()
	p := simulated(t, sim.ZTF, 1)[0]
	odd := map[string][]byte{
		"a.avro": []byte("noise"), "b.bin": {0, 0, 0, 7, 7, 1, 2, 3}, "c.avro": p.Value[:9000],
		"d.bin": {}, "e.avro": append(bytes.Clone(p.Value), 1),
	}
	for name, b := range odd {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o666))
	}
	for _, vary := range []*sim.Vary{nil, {}} {
		r := sim.Replay{Patterns: []string{dir}, Vary: vary}
		got := collect(t, r.Packets(t.Context(), 0))
		require.Len(t, got, len(odd))
		for i, name := range []string{"a.avro", "b.bin", "c.avro", "d.bin", "e.avro"} {
			assert.Equal(t, string(odd[name]), string(got[i].Value), name)
			assert.Zero(t, got[i].ID)
			assert.True(t, got[i].Time.IsZero())
		}
	}
}

func TestReplayErrors(t *testing.T) {
	last := func(r sim.Replay, n int64) (err error) {
		for _, err = range r.Packets(t.Context(), n) {
		}
		return err
	}
	var none *files.NoMatchError
	assert.ErrorAs(t, last(sim.Replay{Patterns: []string{"nowhere"}}, 0), &none)
	empty := t.TempDir()
	assert.ErrorContains(t, last(sim.Replay{Patterns: []string{empty}}, 5), "no packets in")
	assert.NoError(t, last(sim.Replay{Patterns: []string{empty}}, 0))

	down := errors.New("down")
	r := sim.Replay{Patterns: []string{write(t, "bin", sim.Packet{Value: []byte{0, 0, 0, 9, 9, 9}})}, Registry: &sim.Registry{
		Next: alert.RegistryFunc(func(context.Context, uint32) ([]byte, error) { return nil, down }),
	}}
	assert.ErrorIs(t, last(r, 0), down)
}

// varies checks that packets differ from the originals only as Vary describes.
func varies(t *testing.T, registry alert.Registry, originals, varied []sim.Packet, start time.Time, span time.Duration) {
	before, after := decode(t, registry, originals...), decode(t, registry, varied...)
	require.EqualValues(t, len(varied), after.NumRows())
	ids, times := map[int64]bool{}, map[int64]bool{}
	ra := stream.Field(after, "ra").(*array.Float64)
	dec := stream.Field(after, "dec").(*array.Float64)
	seen := map[string]bool{}
	for i, p := range varied {
		o := originals[i%len(originals)]
		assert.Len(t, p.Value, len(o.Value))
		assert.Equal(t, o.Object, p.Object)
		assert.Equal(t, p.ID, stream.Field(after, "alert_id").(*array.Int64).Value(i))
		us := int64(stream.Field(after, "event_time").(*array.Timestamp).Value(i))
		assert.Equal(t, p.Time.UnixMicro(), us)
		want := start.Add(span * time.Duration(i) / time.Duration(len(varied)))
		assert.WithinDuration(t, want, p.Time, 50*time.Microsecond)
		assert.True(t, ra.Value(i) >= 0 && ra.Value(i) < 360 && math.Abs(dec.Value(i)) <= 90)
		ids[p.ID], times[us] = true, true
		seen[string(p.Value[max(0, len(p.Value)-30_000):])] = true

		was, is := fields(t, before, i%len(originals)), fields(t, after, i)
		for path := range was {
			if !is.equal(was, path) {
				assert.Contains(t, []string{"alert_id", "event_time", "ra", "dec", "night", "offset",
					"candid", "candidate.candid", "candidate.jd", "candidate.ra", "candidate.dec",
					"cutoutScience.stampData", "cutoutTemplate.stampData", "cutoutDifference.stampData",
					"diaSourceId", "diaSource.diaSourceId", "diaSource.midpointMjdTai", "diaSource.ra", "diaSource.dec",
					"cutoutScience", "cutoutTemplate", "cutoutDifference"}, path)
			}
		}
	}
	assert.Len(t, ids, len(varied))
	assert.Len(t, times, len(varied))
	assert.Len(t, seen, len(varied))
}

// leaves are the values of a row as JSON, by path.
type leaves map[string]string

func (l leaves) equal(o leaves, path string) bool { return l[path] == o[path] }

func fields(t *testing.T, rec arrow.Record, i int) leaves {
	all := leaves{}
	var add func(path string, a arrow.Array)
	add = func(path string, a arrow.Array) {
		if s, ok := a.(*array.Struct); ok && s.IsValid(i) {
			for k, f := range s.DataType().(*arrow.StructType).Fields() {
				add(path+"."+f.Name, s.Field(k))
			}
			return
		}
		text, err := json.Marshal(a.ValueStr(i))
		require.NoError(t, err)
		all[path] = string(text)
	}
	for k, f := range rec.Schema().Fields() {
		add(f.Name, rec.Column(k))
	}
	return all
}

func TestVary(t *testing.T) {
	start := time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
	for survey, ext := range map[sim.Survey]string{sim.ZTF: "avro", sim.LSST: "bin"} {
		t.Run(survey.String(), func(t *testing.T) {
			packets := simulated(t, survey, 30)
			vary := &sim.Vary{Seed: 4, Start: start, Span: 3 * time.Hour}
			r := sim.Replay{Patterns: []string{write(t, ext, packets...)}, Vary: vary}
			got := collect(t, r.Packets(t.Context(), 100))
			varies(t, &sim.Registry{}, packets, got, start, 3*time.Hour)
			assert.Equal(t, got, collect(t, r.Packets(t.Context(), 100)))
		})
	}
}

func TestVaryReal(t *testing.T) {
	for _, c := range []struct {
		pattern string
		least   int
	}{{"ztf-3.3", 199}, {"ztf-3.1", 10}, {"ztf-4.02", 1}, {"lsst-9.0", 40}, {"lsst-7.4", 20}} {
		t.Run(c.pattern, func(t *testing.T) {
			dir := filepath.Join("../../../shared/alerts", c.pattern)
			if _, err := os.Stat(dir); err != nil {
				t.Skip("no real packets here")
			}
			registry := &sim.Registry{}
			r := sim.Replay{Patterns: []string{dir}, Registry: registry}
			packets := collect(t, r.Packets(t.Context(), 0))
			require.GreaterOrEqual(t, len(packets), c.least)
			for _, p := range packets {
				assert.NotZero(t, p.ID)
				assert.False(t, p.Time.IsZero())
				assert.Equal(t, c.pattern[:3] == "ztf", own.IsOCF(p.Value))
			}
			r.Vary = &sim.Vary{Start: time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)}
			got := collect(t, r.Packets(t.Context(), int64(2*len(packets))))
			varies(t, registry, packets, got, r.Vary.Start, 6*time.Hour)
		})
	}
}

func TestReplayRealAsSent(t *testing.T) {
	paths, err := filepath.Glob("../../../shared/alerts/*/*.avro")
	require.NoError(t, err)
	if len(paths) == 0 {
		t.Skip("no real packets here")
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		for p, err := range (&sim.Replay{Patterns: []string{path}}).Packets(t.Context(), 0) {
			require.NoError(t, err)
			assert.NotZero(t, p.ID, path)
			if own.IsOCF(p.Value) && bytes.Count(data, p.Value[len(p.Value)-16:]) == 2 {
				assert.Equal(t, data, p.Value, path)
			}
		}
	}
}
