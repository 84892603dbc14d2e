package files

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func link(t *testing.T, target, name string) {
	t.Helper()
	require.NoError(t, os.Symlink(filepath.FromSlash(target), filepath.FromSlash(name)))
}

// However many ways lead to a file, it is read once, by one name.
func TestOneFileOneName(t *testing.T) {
	dir := write(t, member{"real/1.avro", nil}, member{"real/sub/2.avro", nil})
	link(t, dir+"/real", dir+"/linked")
	link(t, "real", dir+"/again")
	link(t, dir+"/linked/1.avro", dir+"/one.avro")
	both := []string{"real/1.avro", "real/sub/2.avro"}
	for patterns, want := range map[string][]string{
		"linked": both, "real|linked|again": both, "linked/": both, "*": both, "lin*": both, "linked/sub": both[1:], "**/sub": both[1:],
		"one.avro": both[:1], "linked/1.avro": both[:1], "linked/?.avro": both[:1], "a*/1.avro|l*/1.*|one.avro": both[:1],
		"?????*/sub/*": both[1:], "*/sub/2.avro": both[1:],
	} {
		s := &Source{}
		for p := range strings.SplitSeq(patterns, "|") {
			s.Patterns = append(s.Patterns, dir+"/"+p)
		}
		assert.Equal(t, want, list(t, dir, s), patterns)
	}
}

// The name says how a file is read. That of a blob in a store says nothing.
func TestLinkedTarball(t *testing.T) {
	dir := write(t, member{"blobs/0a1b", tarOf(t, member{"x", []byte("in the archive")})}, member{"nights/plain.avro", nil})
	link(t, "../blobs/0a1b", dir+"/nights/1.tar")
	link(t, dir+"/nights", dir+"/linked")
	for _, p := range []string{"/nights/*.tar", "/linked/1.tar", "/linked/1.*"} {
		s := &Source{Patterns: []string{dir + p}}
		assert.Equal(t, []string{"nights/1.tar"}, list(t, dir, s), p)
		r := readAll(t, s)
		require.Len(t, r.rows, 1)
		assert.Equal(t, "in the archive", r.rows[0].Value)
	}
}

// Entries that cannot be read do not stop the source, and are logged once.
func TestBadEntries(t *testing.T) {
	dir := write(t, member{"n/1.avro", nil}, member{"n/odd\xff.avro", nil}, member{"n/d\xff/2.avro", nil}, member{"n/odd\xff.txt", nil}, member{"o\xff", nil})
	link(t, "loop.avro", dir+"/n/loop.avro")
	link(t, "brokenLink", dir+"/n/dangling.avro")
	link(t, "brokenLink", dir+"/n/dangling.txt")
	link(t, "../o\xff", dir+"/n/to-odd.avro")
	for pattern, skips := range map[string]int{"/n": 5, "/n/*.avro": 4, "/n/*": 7, "/n/**": 5, "/*/*/2.avro": 8, "/n/1*": 0} {
		var log bytes.Buffer
		s := &Source{Patterns: []string{dir + pattern}, Log: slog.New(slog.NewTextHandler(&log, nil))}
		want := []string{"n/1.avro"}
		if strings.HasSuffix(pattern, "2.avro") {
			want = []string{}
		}
		for range 3 {
			assert.Equal(t, want, list(t, dir, s), pattern)
		}
		assert.Equal(t, skips, strings.Count(log.String(), "level=WARN"), "%s\n%s", pattern, log.String())
	}
	for _, name := range []string{"/n/loop.avro", "/n/loop.avro/*.avro", "/n/odd\xff.avro", "/n/d\xff/*", "/n/dangling.avro"} {
		_, err := (&Source{Patterns: []string{dir + name}}).Available(t.Context())
		if strings.Contains(name, "loop") {
			assert.ErrorIs(t, err, syscall.ELOOP, name)
		} else {
			assert.Error(t, err, name)
		}
	}
}

// What is remembered of skipped entries is bounded.
func TestManySkipped(t *testing.T) {
	var log bytes.Buffer
	s := &Source{Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 2 {
		for i := range maxWarnings + 100 {
			s.skip(fmt.Sprint(i), brokenLink)
		}
	}
	assert.Equal(t, maxWarnings, strings.Count(log.String(), "entry skipped"))
	assert.Equal(t, 1, strings.Count(log.String(), "further skipped entries"))
}
