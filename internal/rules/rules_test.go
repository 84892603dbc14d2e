package rules

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/skyfinch/skyfinch/"

// layers lists, for each folder, the folders of this module that it may import.
// The first entry that contains a package counts.
var layers = []struct {
	folder string
	may    []string
}{
	{"examples", []string{"archive", "alert", "sink", "stream", "crossmatch", "internal"}},
	{"internal/service", []string{"archive", "alert", "sink", "stream", "crossmatch", "internal"}},
	{"internal/rig", []string{"archive", "alert/sim", "stream", "internal"}},
	{"archive/broker", []string{"alert/filter", "stream"}},
	{"archive/audit", []string{"archive/internal", "sink", "stream", "internal"}},
	{"archive", []string{"archive/internal", "alert", "sink", "stream", "internal"}},
	{"alert/sim", []string{"alert", "stream", "internal/avroarrow", "internal/ocf"}},
	{"alert/science", []string{"alert/filter", "stream"}},
	{"alert/lightcurve", []string{"alert", "stream"}},
	{"alert/filter/fink", []string{"alert/filter"}},
	{"alert/filter", []string{"internal/nearest"}},
	{"alert", []string{"stream", "internal/floor", "internal/avroarrow", "internal/inflight", "internal/ocf", "internal/regular"}},
	{"sink", []string{"stream", "internal/floor", "internal/avroarrow", "internal/parquetfile", "internal/gather", "internal/recordsize"}},
	{"stream/store", nil},
	{"stream/streamtest", []string{"stream"}},
	{"stream/files", []string{"stream", "internal/avroarrow", "internal/chunk", "internal/ocf", "internal/regular"}},
	{"stream/kafka", []string{"stream", "internal/backoff", "internal/chunk", "internal/nearest", "internal/ocf"}},
	{"stream/monitor", []string{"stream", "internal/token"}},
	{"stream/ledger", []string{"stream/store", "internal/backoff", "internal/token"}},
	{"stream/internal/protocol", []string{"stream/ledger", "internal/interval"}},
	{"stream/internal/attempts", []string{"stream/ledger", "stream/store", "internal/token"}},
	{"stream", []string{"stream/store", "stream/ledger", "stream/internal", "internal/backoff", "internal/gather", "internal/inflight", "internal/recordsize", "internal/token"}},
	{"crossmatch/internal/votable", []string{"crossmatch/internal/clip"}},
	{"crossmatch/internal", []string{"internal/printable"}},
	{"crossmatch/table", []string{"crossmatch/internal", "internal/nearest", "internal/regular", "internal/thrift"}},
	{"crossmatch/cds", []string{"crossmatch", "crossmatch/internal", "internal/backoff"}},
	{"crossmatch/hats", []string{"crossmatch", "crossmatch/table", "internal/healpix", "internal/recordsize", "internal/regular"}},
	{"crossmatch/catalog", []string{"crossmatch", "internal/nearest", "internal/regular"}},
	{"crossmatch", []string{"stream"}},
	{"internal/rows", []string{"archive", "stream", "internal/parquetfile"}},
	{"internal/chunk", []string{"stream"}},
	{"internal/cli", []string{"stream", "internal/nearest", "internal/printable"}},
	{"internal/feed", []string{"alert/sim", "stream/kafka"}},
	{"internal/demo", []string{"alert/sim", "internal/feed"}},
	{"internal/faultstore", []string{"stream/store"}},
	{"internal/parquetfile/filestats", []string{"internal/parquetfile"}},
	{"internal/parquetfile", []string{"internal/thrift"}},
	{"internal", nil},
}

// libraries lists the folders that may import a library. The first entry that
// contains a package counts.
var libraries = []struct {
	library string
	folders []string
}{
	{"github.com/apache/arrow/go/v17/parquet", []string{"internal/parquetfile", "crossmatch/table"}},
	{"github.com/apache/arrow/go/v17", []string{"stream", "alert", "sink", "archive", "crossmatch", "examples", "internal"}},
	{"github.com/hamba/avro/v2", []string{"alert", "internal/avroarrow", "internal/alerttest"}},
	{"github.com/IBM/sarama", []string{"stream/kafka", "internal/cli", "internal/feed", "internal/demo", "sink", "internal/service"}},
	{"github.com/xdg-go/scram", []string{"stream/kafka"}},
	{"golang.org/x/term", []string{"internal/cli"}},
	{"golang.org/x/oauth2", []string{"stream/kafka"}},
	{"github.com/twmb/franz-go", []string{"internal/demo"}}, // the embedded broker
	{"github.com/magiconair/properties", []string{"stream/kafka", "crossmatch/hats", "internal/cli"}},
	{"github.com/klauspost/compress", []string{"internal/parquetfile", "internal/ocf", "stream/files", "alert/sim", "archive/internal/index"}},
	{"github.com/zeebo/xxh3", []string{"archive/internal/rowhash"}},
	{"github.com/prometheus", []string{"stream/monitor"}},
	{"go.yaml.in/yaml/v2", []string{"stream/monitor"}},
	{"go.yaml.in/yaml/v3", []string{"alert/filter"}},
	{"golang.org/x/crypto", []string{"stream/monitor"}},
	{"golang.org/x/net", []string{"stream/monitor"}},
	{"golang.org/x/time", []string{"stream/monitor"}},
	{"github.com/stretchr/testify", nil}, // tests only, which this test does not read
}

func TestImports(t *testing.T) {
	root := "../.."
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		require.NoError(t, err)
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			seen++
			assert.True(t, allowed(filepath.ToSlash(rel), name), "%s must not import %s", path, name)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, seen, 100)
}

// allowed reports whether a package in a folder may import a package.
func allowed(folder, name string) bool {
	if own, ok := strings.CutPrefix(name, module); ok {
		for _, b := range layers {
			if within(folder, b.folder) {
				return anyWithin(own, b.may)
			}
		}
		return false
	}
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	for _, h := range libraries {
		if within(name, h.library) {
			return anyWithin(folder, h.folders)
		}
	}
	return false // a library that is not listed
}

// within reports whether a package is a folder or below it.
func within(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

func anyWithin(name string, dirs []string) bool {
	for _, d := range dirs {
		if within(name, d) {
			return true
		}
	}
	return false
}

func TestAllowed(t *testing.T) {
	assert.True(t, allowed("stream", "context"))
	assert.True(t, allowed("stream", module+"stream/store"))
	assert.False(t, allowed("stream", module+"alert"))
	assert.False(t, allowed("stream/store", module+"stream"))
	assert.False(t, allowed("alert", module+"sink"))
	assert.False(t, allowed("stream", "github.com/hamba/avro/v2"))
	assert.False(t, allowed("sink", "github.com/apache/arrow/go/v17/parquet"))
	assert.False(t, allowed("stream", "example.com/unheard/of"))
}
