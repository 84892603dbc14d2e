package parquetfile

import (
	"archive/zip"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Reader reads the files of each release as Arrow's reader does.
func TestReaderReleases(t *testing.T) {
	archives, err := filepath.Glob("../../archive/testdata/*/*.zip")
	require.NoError(t, err)
	files := 0
	for _, name := range archives {
		z, err := zip.OpenReader(name)
		require.NoError(t, err)
		defer z.Close()
		for _, f := range z.File {
			if !strings.HasSuffix(f.Name, ".parquet") {
				continue
			}
			in, err := f.Open()
			require.NoError(t, err)
			data, err := io.ReadAll(in)
			require.NoError(t, err)
			in.Close()
			sameAsArrow(t, name+" "+f.Name, data)
			files++
		}
	}
	assert.Greater(t, files, 30)
}

func sameAsArrow(t *testing.T, name string, data []byte) {
	t.Helper()
	schema, groups := read(t, data, memory.DefaultAllocator)
	var want []map[string]any
	for _, g := range groups {
		want = append(want, g...)
	}
	r, err := open(data)
	require.NoError(t, err, name)
	require.Equal(t, schema.NumFields(), r.Schema().NumFields())
	for i, f := range schema.Fields() {
		require.Equal(t, f.Name, r.Schema().Field(i).Name)
		require.Equal(t, f.Nullable, r.Schema().Field(i).Nullable)
	}
	recs, err := readAll(r, nil)
	require.NoError(t, err, name)
	for _, rec := range recs {
		require.NoError(t, checkRecord(rec), name)
	}
	require.True(t, assert.ObjectsAreEqual(want, rowsOf(recs...)), name)
}
