package alert

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/ocf"
)

// shared returns a directory beside the module's root, or skips the test.
func shared(tb testing.TB, name string) string {
	tb.Helper()
	dir, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(tb, dir, filepath.Dir(dir), "no go.mod above")
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("no real packets: %v", err)
	}
	return path
}

func fields(paths ...string) func(string) bool {
	return func(path string) bool {
		for _, p := range paths {
			if p == path || strings.HasPrefix(p, path+".") {
				return true
			}
		}
		return false
	}
}

func TestRecognise(t *testing.T) {
	for _, c := range []struct {
		want string
		has  func(string) bool
	}{
		{"lsst", fields("diaSource.midpointMjdTai", "diaSource.midpointMjd", "candidate.jd")},
		{"roman", fields("diaSource.midpointMjd", "candidate.mjd")},
		{"decam", fields("candidate.mjd", "candidate.jd", "objectid")},
		{"winter", fields("candidate.jd", "objectid", "objectId")},
		{"ztf", fields("candidate.jd", "objectId")},
		{"ztf", fields("candidate.ra")}, // no time, no id: still ZTF
		{"ztf", fields("candidate")},
		{"", fields("diaSource.ra")},
		{"", fields("Candidate.jd")},
		{"", fields("objectid")},
		{"", fields()},
	} {
		s, ok := Recognise(Surveys(), c.has)
		assert.Equal(t, c.want, s.Name)
		assert.Equal(t, c.want != "", ok)
	}
}

func TestRecogniseOwn(t *testing.T) {
	has := fields("candidate.jd", "alien")
	mine := Survey{Name: "mine", Match: []string{"candidate", "alien"}}
	s, ok := Recognise(append(Surveys(), mine), has)
	assert.True(t, ok)
	assert.Equal(t, "ztf", s.Name, "the first that matches wins")
	s, _ = Recognise(append([]Survey{mine}, Surveys()...), has)
	assert.Equal(t, "mine", s.Name)

	s, ok = Recognise(append(Surveys(), Survey{Name: "rest"}), fields("x"))
	assert.True(t, ok, "an empty Match takes every packet")
	assert.Equal(t, "rest", s.Name)
	_, ok = Recognise(nil, has)
	assert.False(t, ok)
}

func TestSurveys(t *testing.T) {
	const morning, visit = 60924.25, 2025090400227 // 2025-09-06 06:00
	for _, c := range []struct {
		survey            Survey
		time              float64
		late              int64 // seconds that the clock is ahead
		night, visitNight int32
	}{
		{ZTF(), morning + 2400000.5, 0, 20250906, 20250906},
		{WINTER(), morning + 2400000.5, 0, 20250906, 20250906},
		{DECam(), morning, 0, 20250905, 20250905},
		{LSST(), morning, 37, 20250905, 20250904},
		{Roman(), morning, 0, 20250906, 20250906},
	} {
		us, err := c.survey.Scale.Micros(c.time)
		require.NoError(t, err, c.survey.Name)
		assert.EqualValues(t, 1757138400-c.late, us/second, c.survey.Name)
		assert.Equal(t, c.night, c.survey.Night.Date(us, 0), c.survey.Name)
		assert.Equal(t, c.visitNight, c.survey.Night.Date(us, visit), c.survey.Name)
	}
}

func TestSurveysAreFresh(t *testing.T) {
	a := Surveys()
	a[0].Name, a[1].Match[0], a[2].AlertID[0] = "x", "x", "x"
	b := Surveys()
	assert.Equal(t, "lsst", b[0].Name)
	assert.Equal(t, "diaSource.midpointMjd", b[1].Match[0])
	assert.Equal(t, "candid", b[2].AlertID[0])
	for _, s := range b {
		assert.NoError(t, s.Validate())
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Survey){
		"no path in AlertID":   func(s *Survey) { s.AlertID = nil },
		"no path in Time":      func(s *Survey) { s.Time = "" },
		"no path in RA or Dec": func(s *Survey) { s.Dec = "" },
		"invalid time scale T": func(s *Survey) { s.Scale = 3 },
	} {
		s := ZTF()
		change(&s)
		assert.ErrorContains(t, s.Validate(), `alert: survey "ztf": `+want)
	}
	for name, good := range map[string]bool{
		"atlas": true, "ls4": true, "4most": true, "la-silla_2": true,
		"": false, ".": false, "..": false, "a/b": false, `a\b`: false, "ZTF": false, "_x": false, "-x": false,
		"a=b": false, "a b": false, "é": false, "a\x00": false,
	} {
		s := ZTF()
		s.Name = name
		assert.Equal(t, good, s.Validate() == nil, "%q", name)
	}
}

// schemaHas walks a schema's text, for records that are written in place and
// named ones alike.
func schemaHas(t *testing.T, text []byte) func(path string) bool {
	var tree any
	require.NoError(t, json.Unmarshal(text, &tree))
	named := map[string]any{}
	collect(tree, named)
	return func(path string) bool {
		at := tree
		for part := range strings.SplitSeq(path, ".") {
			if at = field(at, part, named); at == nil {
				return false
			}
		}
		return true
	}
}

func collect(node any, named map[string]any) {
	switch n := node.(type) {
	case []any:
		for _, v := range n {
			collect(v, named)
		}
	case map[string]any:
		if name, _ := n["name"].(string); n["type"] == "record" {
			named[name] = n
			if ns, _ := n["namespace"].(string); ns != "" {
				named[ns+"."+name] = n
			}
		}
		for _, v := range n {
			collect(v, named)
		}
	}
}

func field(node any, name string, named map[string]any) any {
	switch n := node.(type) {
	case string:
		if r, ok := named[n]; ok {
			return field(r, name, named)
		}
	case []any:
		for _, v := range n {
			if f := field(v, name, named); f != nil {
				return f
			}
		}
	case map[string]any:
		fs, isRecord := n["fields"].([]any)
		if !isRecord {
			return field(n["type"], name, named)
		}
		for _, f := range fs {
			if f := f.(map[string]any); f["name"] == name {
				return f["type"]
			}
		}
	}
	return nil
}

func TestRecogniseRealPackets(t *testing.T) {
	alerts := shared(t, "alerts")
	paths, err := filepath.Glob(filepath.Join(alerts, "*", "*"))
	require.NoError(t, err)
	registry, err := OpenRegistry(t.Context(), shared(t, "schemas"))
	require.NoError(t, err)
	seen := map[string]int{}
	known := map[string]string{} // schema text → survey
	for _, path := range paths {
		text := writerSchema(t, registry, path)
		if text == nil {
			continue
		}
		name, ok := known[string(text)]
		if !ok {
			s, found := Recognise(Surveys(), schemaHas(t, text))
			require.True(t, found, path)
			has := schemaHas(t, text)
			for _, p := range []string{s.Time, s.RA, s.Dec} {
				assert.True(t, has(p), "%s: %s", path, p)
			}
			assert.True(t, slices.ContainsFunc(s.AlertID, has), path)
			assert.True(t, slices.ContainsFunc(s.ObjectID, has), path)
			assert.True(t, s.Night.Visit == "" || has(s.Night.Visit), path)
			name = s.Name
			known[string(text)] = name
		}
		dir, base := filepath.Base(filepath.Dir(path)), filepath.Base(path)
		want, _, _ := strings.Cut(dir, "-")
		if want == "other" {
			want, _, _ = strings.Cut(strings.TrimSuffix(base, ".avro"), "-")
		}
		require.Equal(t, want, name, path)
		seen[name]++
	}
	t.Log(seen)
	assert.Len(t, seen, 5)
}

func writerSchema(t *testing.T, r Registry, path string) []byte {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	if ocf.IsOCF(raw) {
		h, err := ocf.ParseHeader(raw)
		require.NoError(t, err)
		return h.Schema
	}
	if len(raw) < 5 || raw[0] != 0 {
		t.Logf("%s is no packet", path)
		return nil
	}
	text, err := r.Schema(context.Background(), binary.BigEndian.Uint32(raw[1:5]))
	require.NoError(t, err, path)
	return text
}

func BenchmarkRecognise(b *testing.B) {
	surveys, has := Surveys(), func(path string) bool { return path == "candidate" }
	b.ReportAllocs()
	for b.Loop() {
		if s, _ := Recognise(surveys, has); s.Name != "ztf" {
			b.Fatal(s.Name)
		}
	}
}
