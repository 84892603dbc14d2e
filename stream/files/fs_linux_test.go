package files

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// asNobody runs f on a thread that accesses files as an ordinary user, even if
// root runs the test.
func asNobody(t *testing.T, f func()) {
	if os.Getuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends here
		require.NoError(t, syscall.Setfsuid(65534))
		f()
	}()
	<-done
}

// An unreadable directory or file does not stop the others, is said once, and is
// read when it can be.
func TestUnreadableEntries(t *testing.T) {
	dir := write(t, member{"a/1.avro", []byte("one")}, member{"a/locked/2.avro", []byte("two")},
		member{"a/3.avro", []byte("three")}, member{"a/4.tar", nil}, member{"a/z.avro", []byte("four")})
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // testing's own
	for _, name := range []string{"a/locked", "a/3.avro", "a/4.tar"} {
		require.NoError(t, os.Chmod(filepath.Join(dir, name), 0))
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "a/locked"), 0o755) })
	for _, pattern := range []string{"/a", "/*", "/**/*.*", "/a|/a/locked/*"} {
		var log bytes.Buffer
		s := &Source{Log: slog.New(slog.NewTextHandler(&log, nil))}
		for p := range strings.SplitSeq(pattern, "|") {
			s.Patterns = append(s.Patterns, dir+p)
		}
		asNobody(t, func() {
			for range 2 {
				assert.Equal(t, []string{"a/1.avro", "a/3.avro", "a/4.tar", "a/z.avro"}, list(t, dir, s), pattern)
			}
			var unreadable *SkippedError
			require.ErrorAs(t, s.Check(t.Context()), &unreadable, pattern)
			assert.ErrorContains(t, unreadable, dir+"/a/locked: permission denied")
			assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())

			var values, unread []string
			extents, err := s.Available(t.Context())
			require.NoError(t, err)
			var ranges []stream.Range
			for _, e := range extents {
				ranges = append(ranges, e.Range)
			}
			r := result{}
			for c, err := range s.Read(t.Context(), ranges) {
				if err != nil {
					require.ErrorAs(t, err, new(*stream.UnreadableError))
					require.ErrorIs(t, err, os.ErrPermission)
					unread = append(unread, err.Error())
					continue
				}
				r.add(t, c)
			}
			for _, row := range r.rows {
				values = append(values, row.Value)
			}
			assert.Equal(t, []string{"one", "four"}, values)
			require.Len(t, unread, 2)
			assert.Contains(t, unread[0], dir+"/a/3.avro")
			assert.Contains(t, unread[1], dir+"/a/4.tar")
		})
	}
	s := &Source{Patterns: []string{dir + "/a/locked"}, Log: slog.New(slog.DiscardHandler)}
	asNobody(t, func() {
		_, err := s.Available(t.Context())
		assert.ErrorIs(t, err, os.ErrPermission, "what a pattern names must be readable at first")
	})
	require.NoError(t, os.Chmod(filepath.Join(dir, "a/locked"), 0o755))
	asNobody(t, func() { assert.Equal(t, []string{"a/locked/2.avro"}, list(t, dir, s)) })
	require.NoError(t, os.Chmod(filepath.Join(dir, "a/locked"), 0))
	asNobody(t, func() { assert.Empty(t, list(t, dir, s), "later it is skipped") })
}

// A named pipe is neither opened where a search finds it nor in place of a file.
func TestNamedPipe(t *testing.T) {
	dir := write(t, member{"a.avro", []byte("one")}, member{"b.tar", tarOf(t)}, member{"c.avro", []byte("three")})
	s := &Source{Patterns: []string{dir}}
	extents, err := s.Available(t.Context())
	require.NoError(t, err)
	for _, name := range []string{"a.avro", "b.tar"} {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, name), 0o666))
	}
	assert.Equal(t, []string{"c.avro"}, list(t, dir, s))
	failed, rows := 0, 0
	for c, err := range s.Read(t.Context(), []stream.Range{extents[0].Range, extents[1].Range, extents[2].Range}) {
		if err != nil {
			require.ErrorAs(t, err, new(*stream.UnreadableError))
			assert.ErrorContains(t, err, "not a regular file")
			failed++
			continue
		}
		rows += int(c.Messages.NumRows())
	}
	assert.Equal(t, []int{2, 1}, []int{failed, rows})
}

// A file is listed when it has not changed between listings, whatever the clock
// says that gives files their times.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := write(t, member{"old.avro", nil}, member{"past.avro", nil}, member{"future.avro", nil}, member{"1970.avro", nil})
		name := func(s string) string { return filepath.Join(dir, s) }
		touch := func(s string, age time.Duration) {
			at := time.Now().Add(-age)
			require.NoError(t, os.Chtimes(name(s), at, at))
		}
		touch("old.avro", 25*time.Hour)
		touch("past.avro", 10*time.Hour)
		touch("future.avro", -10*time.Hour)
		touch("1970.avro", 30*365*24*time.Hour)
		s := &Source{Patterns: []string{dir}, Settle: 5 * time.Second}
		found := func(want ...string) {
			t.Helper()
			assert.Equal(t, want, list(t, dir, s))
		}
		for range 5 {
			found("1970.avro", "old.avro")
			time.Sleep(time.Second)
		}
		found("1970.avro", "future.avro", "old.avro", "past.avro")

		for range 10 { // both are being written to, by clocks that are wrong
			for i, s := range []string{"past.avro", "future.avro"} {
				require.NoError(t, os.WriteFile(name(s), bytes.Repeat([]byte("x"), time.Now().Second()), 0o666))
				touch(s, []time.Duration{10 * time.Hour, -10 * time.Hour}[i])
			}
			found("1970.avro", "old.avro")
			time.Sleep(4 * time.Second)
		}
		touch("past.avro", 9*time.Hour) // the same size
		found("1970.avro", "old.avro")
		time.Sleep(5 * time.Second)
		found("1970.avro", "future.avro", "old.avro", "past.avro")

		require.NoError(t, os.Remove(name("past.avro")))
		require.NoError(t, os.Remove(name("future.avro")))
		for range 2 {
			found("1970.avro", "old.avro")
		}
		assert.Empty(t, s.unsettled.files, "nothing is remembered of files that are gone")
	})
}
