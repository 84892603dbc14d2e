package checkstream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream"
)

// source has messages in one partition and returns two per chunk.
type source struct {
	values  [][]byte
	fail    int // how many calls of Read fail after their first chunk
	commits int
}

func (s *source) Available(context.Context) ([]stream.Extent, error) {
	return []stream.Extent{extent(ztf0, 0, int64(len(s.values)), 0)}, nil
}

func (s *source) Committed(context.Context, map[string]int64) error { s.commits++; return nil }

func (s *source) Read(_ context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		b := stream.NewMessageBuilder(memory.DefaultAllocator)
		defer b.Release()
		for _, r := range ranges {
			for at := r.From; at < r.To; at += 2 {
				to := min(at+2, r.To)
				for i := at; i < to; i++ {
					v := s.values[i]
					b.Append(stream.Message{Topic: "ztf", Offset: i, Time: noon, Value: stream.View{Buffer: memory.NewBufferBytes(v), To: len(v)}})
				}
				record := b.NewRecord()
				more := yield(stream.Chunk{Messages: record, Accounts: []stream.Account{account(ztf0, at, to, to-at)}}, nil)
				record.Release()
				if !more {
					return
				}
				if s.fail > 0 {
					s.fail--
					yield(stream.Chunk{}, errors.New("a hiccup"))
					return
				}
			}
		}
	}
}

// messages returns ZTF alerts and one message that is not an alert.
func messages(t *testing.T, n int) (values [][]byte, bytes int64) {
	t.Helper()
	night := sim.Simulator{Survey: sim.ZTF, Alerts: n}
	for p, err := range night.Packets(0) {
		require.NoError(t, err)
		values = append(values, p.Value)
	}
	values[1] = []byte("no alert")
	for _, v := range values {
		bytes += int64(len(v))
	}
	return values, bytes
}

// watchAll reads a source until all its messages have been shown.
func watchAll(t *testing.T, s *source, limit int64) (report, string, string) {
	t.Helper()
	var out, errs strings.Builder
	w := &watcher{Source: s, Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	w.stats.lines, w.stats.limit = &lines{Out: &out, Err: &errs}, limit
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, w.Run(ctx))
	require.NoError(t, ctx.Err(), "it ends at the limit")
	return w.stats.report(time.Now()), out.String(), errs.String()
}

func TestWatch(t *testing.T) {
	values, bytes := messages(t, 9)
	s := &source{values: values}
	v, out, errs := watchAll(t, s, 9)
	assert.EqualValues(t, 8, v.alerts)
	assert.EqualValues(t, 1, v.rejected)
	assert.EqualValues(t, 9, v.total.messages)
	assert.Equal(t, bytes, v.total.bytes)
	assert.Zero(t, v.total.lag)
	require.Equal(t, 8, strings.Count(out, "\n"))
	first := strings.Split(out, "\t")
	assert.Equal(t, "ztf", first[0])
	assert.Equal(t, "mag", first[7])
	assert.True(t, strings.HasPrefix(errs, "undecodable ztf/0@1: "), errs)
	assert.Equal(t, 1, strings.Count(errs, "\n"))
	assert.Zero(t, s.commits, "no offsets are committed")
	require.Len(t, v.newest, 8)
	assert.NotEmpty(t, v.newest[0].object)
	assert.Equal(t, noon, v.newest[0].sent)
	assert.InDelta(t, 18, v.newest[0].brightness.value, 5)
}

func TestWatchCountsAgainReadMessagesOnce(t *testing.T) {
	values, bytes := messages(t, 5)
	v, _, _ := watchAll(t, &source{values: values, fail: 2}, 5)
	assert.EqualValues(t, 5, v.total.messages)
	assert.Equal(t, bytes, v.total.bytes)
}

func TestWatchEndsAtTheLimit(t *testing.T) {
	values, _ := messages(t, 9)
	v, out, errs := watchAll(t, &source{values: values}, 4)
	assert.EqualValues(t, 4, v.alerts+v.rejected)
	assert.Equal(t, 4, strings.Count(out+errs, "\n"))
}

// The page and the terminal count the same messages, also if some are read again.
func TestWatchCountsAsThePage(t *testing.T) {
	values, _ := messages(t, 9)
	web := cli.Watch{Addr: "localhost:0", History: t.TempDir()}
	server, err := web.Open()
	require.NoError(t, err)
	defer server.Close()
	w := &watcher{Source: &source{values: values, fail: 2}, Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler), Watch: server}
	w.stats.lines = &lines{Out: io.Discard, Err: io.Discard}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	var page struct {
		Job struct{ Read, Written, Rejected, Dropped int64 }
		Lag struct{ Messages int64 }
	}
	require.Eventually(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(web.History, "monitor/status/*.json"))
		if len(files) != 1 {
			return false
		}
		data, err := os.ReadFile(files[0])
		return err == nil && json.Unmarshal(data, &page) == nil && page.Job.Read >= 9
	}, 15*time.Second, 50*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	r := w.stats.report(time.Now())
	assert.Equal(t, r.total.messages, page.Job.Read)
	assert.Equal(t, r.alerts, page.Job.Written)
	assert.Equal(t, r.rejected, page.Job.Rejected)
	assert.Zero(t, page.Job.Dropped)
	assert.Equal(t, r.total.lag, page.Lag.Messages)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestWatchStopsWhenItCannotPrint(t *testing.T) {
	values, _ := messages(t, 3)
	w := &watcher{Source: &source{values: values}, Log: slog.New(slog.DiscardHandler)}
	w.stats.lines = &lines{Out: broken{}, Err: broken{}}
	assert.ErrorContains(t, w.Run(t.Context()), "no space")
}

// chunks is a source of given chunks.
type chunks []stream.Chunk

func (chunks) Available(context.Context) ([]stream.Extent, error) {
	return []stream.Extent{extent(ztf0, 0, 2, 0), extent(ztf1, 0, 1, 0)}, nil
}

func (c chunks) Read(context.Context, []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for _, chunk := range c {
			if !yield(chunk, nil) {
				return
			}
		}
	}
}

func TestCountedSourceCountsByPartition(t *testing.T) {
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for _, v := range []string{"1", "22", "4444"} {
		value := stream.View{Buffer: memory.NewBufferBytes([]byte(v)), To: len(v)}
		b.Append(stream.Message{Topic: "ztf", Key: value, Value: value})
	}
	record := b.NewRecord()
	defer record.Release()
	seen := new(stats)
	w := countedSource{chunks{
		{Messages: record, Accounts: []stream.Account{account(ztf0, 0, 2, 2), account(ztf1, 0, 1, 1)}},
		{Accounts: []stream.Account{account(ztf1, 1, 3, 0)}}, // no message at all
	}, seen}
	_, err := w.Available(t.Context())
	require.NoError(t, err)
	for _, err := range w.Read(t.Context(), nil) {
		require.NoError(t, err)
	}
	rows := seen.report(noon).rows
	require.Len(t, rows, 2)
	assert.EqualValues(t, 6, rows[0].bytes)
	assert.EqualValues(t, 8, rows[1].bytes)
	assert.EqualValues(t, 1, rows[1].messages)
}
