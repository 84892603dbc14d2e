package files

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// list returns the available partitions, relative to dir.
func list(t *testing.T, dir string, s *Source) []string {
	t.Helper()
	extents, err := s.Available(t.Context())
	require.NoError(t, err)
	names := []string{}
	for _, e := range extents {
		name, below := strings.CutPrefix(e.Partition, dir+"/")
		require.True(t, below, e.Partition)
		assert.Equal(t, stream.Extent{Range: open(e.Partition, 0), Bytes: e.Bytes}, e)
		names = append(names, name)
	}
	return names
}

// tree has a link to a file, one to nowhere, and one to a directory above.
func tree(t *testing.T) string {
	var files []member
	for _, name := range []string{
		"a.avro", "a/2.avro", "a/1.bin", "a/b/deep.tar.gz", "a/b/deep.tgz", "a-.tar",
		"junk.txt", "a/x.avro.tmp", "a/x.part", ".hidden.avro", "_x.avro", "a/.git/x.avro", "_temporary/0/x.avro", "[odd].avro",
	} {
		files = append(files, member{name, []byte("0123456789")})
	}
	dir := write(t, files...)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "none/here"), 0o755))
	require.NoError(t, os.Symlink(filepath.Join(dir, "junk.txt"), filepath.Join(dir, "z.avro")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling.avro")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "none/here/circle.avro")))
	return dir
}

func TestAvailable(t *testing.T) {
	dir := tree(t)
	all := []string{"[odd].avro", "a-.tar", "a.avro", "a/1.bin", "a/2.avro", "a/b/deep.tar.gz", "a/b/deep.tgz", "junk.txt"}
	for _, c := range []struct {
		patterns string
		want     []string
	}{
		{"", all},
		{"/", all},
		{"a", []string{"a/1.bin", "a/2.avro", "a/b/deep.tar.gz", "a/b/deep.tgz"}},
		{"none", nil},
		{"none/here/c*/*.tar", []string{"a-.tar"}},
		{"junk.txt", []string{"junk.txt"}},
		{"_x.avro", []string{"_x.avro"}},
		{"[odd].avro", []string{"[odd].avro"}},
		{"[aj]*", []string{"a-.tar", "a.avro", "a/1.bin", "a/2.avro", "a/b/deep.tar.gz", "a/b/deep.tgz", "junk.txt"}},
		{"*.avro", []string{"[odd].avro", "_x.avro", "a.avro", "junk.txt"}},
		{".*.avro", []string{".hidden.avro"}},
		{"a/*", []string{"a/1.bin", "a/2.avro", "a/b/deep.tar.gz", "a/b/deep.tgz", "a/x.avro.tmp", "a/x.part"}},
		{"a*/b", []string{"a/b/deep.tar.gz", "a/b/deep.tgz"}},
		{"*/b/deep.t[ag]*", []string{"a/b/deep.tar.gz", "a/b/deep.tgz"}},
		{"**/?.avro", []string{"a.avro", "a/2.avro", "junk.txt"}},
		{"**/b/**/deep.tgz", []string{"a/b/deep.tgz"}},
		{"**/**", all},
		{"a.avro|a|*.avro|a.avro", []string{"a.avro", "a/1.bin", "a/2.avro", "a/b/deep.tar.gz", "a/b/deep.tgz", "[odd].avro", "_x.avro", "junk.txt"}},
		{"a*/../a.avro", []string{"a.avro"}},
		{"a*/../b.avro|a.avro", []string{"a.avro"}},
		{"none/*/circle.avro/a.avro", []string{"a.avro"}},
		{"none/here/circle.avro", all},
		{"a/../a.avro", []string{"a.avro"}},
	} {
		s := &Source{Log: slog.New(slog.DiscardHandler)}
		for p := range strings.SplitSeq(c.patterns, "|") {
			s.Patterns = append(s.Patterns, dir+"/"+p)
		}
		assert.Equal(t, append([]string{}, c.want...), list(t, dir, s), c.patterns)
	}
}

func TestRelativePatterns(t *testing.T) {
	dir := tree(t)
	t.Chdir(filepath.Join(dir, "a"))
	here, err := os.Getwd()
	require.NoError(t, err)
	dir = filepath.ToSlash(filepath.Dir(here))
	assert.Equal(t, []string{"a/1.bin"}, list(t, dir, &Source{Patterns: []string{"1.bin"}}))
	assert.Equal(t, []string{"a/2.avro", "a-.tar"}, list(t, dir, &Source{Patterns: []string{"2*", "../*.tar"}}))
	assert.Equal(t, []string{"a/b/deep.tgz"}, list(t, dir, &Source{Patterns: []string{"./**/*.tgz"}}))
}

func TestBytes(t *testing.T) {
	dir := write(t, member{"a.avro", []byte("12345")}, member{"b.tar", []byte("123")}, member{"c.tgz", []byte("1234")})
	extents, err := (&Source{Patterns: []string{dir}}).Available(t.Context())
	require.NoError(t, err)
	require.Len(t, extents, 3)
	assert.Equal(t, []int64{5, 3, 8}, []int64{extents[0].Bytes, extents[1].Bytes, extents[2].Bytes})
}

func TestNoMatch(t *testing.T) {
	dir := tree(t)
	for _, p := range []string{"missing", "*.missing", "a.avro/x", "a.avro/*", "**/missing/*.avro", "dangling.avro", "mis[s]ing/**"} {
		pattern := dir + "/" + p
		err := (&Source{Patterns: []string{dir, pattern}, Log: slog.New(slog.DiscardHandler)}).Check(t.Context())
		var none *NoMatchError
		require.ErrorAs(t, err, &none, p)
		assert.Equal(t, pattern, none.Pattern)
		assert.Contains(t, err.Error(), pattern)
		assert.NotContains(t, err.Error(), "\n")
		assert.IsType(t, stream.Permanent(errors.New("")), err)
	}
	_, err := (&Source{Patterns: []string{""}}).Available(t.Context())
	assert.ErrorAs(t, err, new(*NoMatchError))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "nothing"), 0o755))
	assert.NoError(t, (&Source{Patterns: []string{dir + "/nothing", dir + "/a*.avro"}}).Check(t.Context()))
}

// A service may wait for the files of a glob, and goes on when files that it
// has listed are moved away; a name that never led anywhere is an error.
func TestEmptyAnswers(t *testing.T) {
	dir := write(t, member{"a.avro", []byte("1")}, member{"b.avro", []byte("2")})
	s := &Source{Patterns: []string{dir + "/*.bin", dir + "/a.avro", dir + "/b.avro"}}
	require.NoError(t, os.Rename(filepath.Join(dir, "a.avro"), filepath.Join(dir, "c")))
	for range 2 { // an error does not count as a listing
		_, err := s.Available(t.Context())
		var none *NoMatchError
		require.ErrorAs(t, err, &none)
		assert.Equal(t, dir+"/a.avro", none.Pattern)
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "c"), filepath.Join(dir, "a.avro")))
	assert.Equal(t, []string{"a.avro", "b.avro"}, list(t, dir, s))
	require.NoError(t, os.Remove(filepath.Join(dir, "a.avro")))
	assert.Equal(t, []string{"b.avro"}, list(t, dir, s))
	assert.ErrorAs(t, s.Check(t.Context()), new(*NoMatchError), "Check does not forget")
}

func TestAvailableErrors(t *testing.T) {
	dir := tree(t)
	name := filepath.Join(dir, "none", "a\xff.avro")
	require.NoError(t, os.WriteFile(name, nil, 0o644))
	for pattern, want := range map[string]string{
		dir + "/[": "pattern", dir + "/*/[a": "pattern", name: "not UTF-8", os.DevNull: "neither",
	} {
		_, err := (&Source{Patterns: []string{pattern}}).Available(t.Context())
		require.ErrorContains(t, err, want)
		assert.IsType(t, stream.Permanent(errors.New("")), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&Source{Patterns: []string{dir}}).Available(ctx)
	assert.Equal(t, context.Canceled, err)
}
