package alert

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemaDir makes a directory of files, each with its own name as its schema.
func schemaDir(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		writeFile(t, filepath.Join(dir, name), `"`+name+`"`)
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
}

func TestDirRegistry(t *testing.T) {
	dir := schemaDir(t, "lsst-900.avsc", "lsst-wire-0701.avsc", "ztf.avsc", "lsst-7.4.avsc", "lsst-.avsc",
		"lsst-+5.avsc", "-6.avsc", ".x-7.avsc", "x-8.avsc.tmp", "x-4294967296.avsc", "x-4294967295.avsc", "README.md")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "x-9.avsc"), 0o777))
	r, err := OpenRegistry(t.Context(), dir)
	require.NoError(t, err)
	ids, err := r.IDs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []uint32{701, 900, 1<<32 - 1}, ids)

	text, err := r.Schema(t.Context(), 701)
	require.NoError(t, err)
	assert.Equal(t, `"lsst-wire-0701.avsc"`, string(text))
	for _, id := range []uint32{0, 4, 5, 6, 7, 8, 9} {
		_, err = r.Schema(t.Context(), id)
		require.ErrorIs(t, err, ErrUnknownSchema, id)
	}
	assert.EqualError(t, err, "alert: registry "+dir+": unknown schema id 9")
}

func TestDirRegistryGrows(t *testing.T) {
	dir := schemaDir(t, "lsst-900.avsc")
	r, err := OpenRegistry(t.Context(), dir)
	require.NoError(t, err)
	_, err = r.Schema(t.Context(), 1000)
	require.ErrorIs(t, err, ErrUnknownSchema)

	half := filepath.Join(dir, "lsst-1000.avsc")
	for _, text := range []string{"", `{"type": "rec`} {
		writeFile(t, half, text)
		_, err = r.Schema(t.Context(), 1000)
		require.ErrorContains(t, err, "lsst-1000.avsc is not JSON: is it still being written?")
		require.NotErrorIs(t, err, ErrUnknownSchema, "it is there: worth a retry")
	}
	writeFile(t, half, `"int"`)
	text, err := r.Schema(t.Context(), 1000)
	require.NoError(t, err)
	assert.Equal(t, `"int"`, string(text))

	require.NoError(t, os.RemoveAll(dir))
	_, err = r.Schema(t.Context(), 1000)
	assert.NoError(t, err, "an id means the same for ever")
	_, err = r.Schema(t.Context(), 900)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.NotErrorIs(t, err, ErrUnknownSchema, "a directory that is gone says nothing about the id")
}

func TestDirRegistryDuplicates(t *testing.T) {
	dir := schemaDir(t, "lsst-900.avsc", "old-900.avsc", "lsst-701.avsc")
	r := DirRegistry(dir)
	_, err := r.Schema(t.Context(), 900)
	assert.ErrorContains(t, err, "schema id 900 is in lsst-900.avsc and old-900.avsc: remove one")
	assert.NotErrorIs(t, err, ErrUnknownSchema)
	_, err = r.Schema(t.Context(), 701)
	assert.NoError(t, err)
}

func TestDirRegistryTooLarge(t *testing.T) {
	dir := schemaDir(t, "x-1.avsc")
	require.NoError(t, os.Truncate(filepath.Join(dir, "x-1.avsc"), maxSchema+1))
	_, err := DirRegistry(dir).Schema(t.Context(), 1)
	assert.ErrorContains(t, err, "x-1.avsc has more than 16777216 bytes")
}

func TestDirRegistryCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := DirRegistry(schemaDir(t, "x-1.avsc")).Schema(ctx, 1)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestOpenRegistryDir(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	_, err := OpenRegistry(t.Context(), missing)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, missing)
	assert.ErrorContains(t, err, "(a registry is an http:// or https:// URL, or a directory of NAME-ID.avsc files)")

	_, err = OpenRegistry(t.Context(), "")
	assert.ErrorContains(t, err, `alert: registry ""`)
	_, err = OpenRegistry(t.Context(), "localhost:8081")
	assert.ErrorContains(t, err, "a registry is an http:// or https:// URL")

	file := filepath.Join(schemaDir(t, "lsst-900.avsc"), "lsst-900.avsc")
	_, err = OpenRegistry(t.Context(), file)
	assert.ErrorContains(t, err, "not a directory")

	empty := schemaDir(t, "lsst.avsc")
	_, err = OpenRegistry(t.Context(), empty)
	assert.EqualError(t, err, "alert: registry "+empty+": no file is named NAME-ID.avsc, like lsst-900.avsc")
}

func FuzzFileID(f *testing.F) {
	for _, s := range []string{"lsst-900.avsc", "-1.avsc", ".a-1.avsc", "a--1.avsc", "a-.avsc", "a-1.avsc.avsc", "0-10000000000.avsc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id, ok := fileID(name)
		if ok {
			assert.Regexp(t, `(?s)^[^.].*-0*`+itoa(id)+`\.avsc$`, name)
		} else {
			assert.Zero(t, id)
		}
	})
}
