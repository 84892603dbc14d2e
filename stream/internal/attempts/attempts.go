// Package attempts keeps, in the directory of a ledger, the records by which
// processes that share it see which attempts at a batch are under way: one when
// an attempt begins, one each second while it is alive, and one when it ends in
// an orderly manner. An attempt that began and neither ended nor is alive has
// died with its process.
//
// The first attempt at a batch is the planner's, which has no record but the
// plan.
package attempts

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Log is the attempts at the batches of a ledger. It may be used concurrently.
type Log struct {
	records store.Records // nil if other processes cannot see the ledger
	dir     string
}

// Open returns the log of a ledger. That of a ledger in memory stays empty.
func Open(l *ledger.Ledger) *Log {
	records, dir := l.Records()
	return &Log{records, dir}
}

// beginRecord begins an attempt.
type beginRecord struct {
	Token   string    `json:"token"`
	Created time.Time `json:"created"`
	// Alive reports that the attempt before this one was alive, but stuck.
	Alive bool `json:"alive,omitempty"`
}

// heartbeat is the content of a heartbeat record.
type heartbeat struct {
	Stuck bool `json:"stuck,omitempty"`
}

func beginName(batch int64, attempt int) string { return fmt.Sprintf("%012d.try%d", batch, attempt) }
func endName(batch int64, attempt int) string   { return beginName(batch, attempt) + "end" }

func heartbeatName(batch int64, attempt, n int) string {
	return fmt.Sprintf("%s.%d", beginName(batch, attempt), n)
}

// NewRecord returns the record that begins an attempt. previousAlive reports
// that the attempt before it was alive, but stuck.
func NewRecord(previousAlive bool) ([]byte, error) {
	return json.Marshal(beginRecord{strings.ToLower(rand.Text()[:16]), time.Now().UTC(), previousAlive})
}

// Begin puts the record that begins an attempt, and reports whether the attempt
// is this one rather than another process's. After an error it may be called
// again with the same record.
func (l *Log) Begin(ctx context.Context, batch int64, attempt int, record []byte) (bool, error) {
	if l.records == nil {
		return true, nil
	}
	winner, err := l.records.PutIfAbsent(ctx, l.path(beginName(batch, attempt)), record)
	return bytes.Equal(winner, record), err
}

// End records that an attempt has not died, although it came to nothing.
func (l *Log) End(ctx context.Context, batch int64, attempt int) error {
	return l.put(ctx, endName(batch, attempt), struct{}{})
}

// Heartbeat puts the n-th heartbeat of an attempt, from 1. stuck reports that
// it makes no progress.
func (l *Log) Heartbeat(ctx context.Context, batch int64, attempt, n int, stuck bool) error {
	return l.put(ctx, heartbeatName(batch, attempt, n), heartbeat{stuck})
}

// Deaths counts the attempts before one that have neither ended nor were seen
// alive by the next one.
func (l *Log) Deaths(ctx context.Context, batch int64, before int) (n int, err error) {
	for k := 1; k < before; k++ {
		var next beginRecord
		if _, err := l.get(ctx, beginName(batch, k+1), &next); err != nil {
			return 0, err
		}
		ended, err := l.exists(ctx, endName(batch, k))
		if err != nil {
			return 0, err
		}
		if !ended && !next.Alive {
			n++
		}
	}
	return n, nil
}

// Status is what has been seen of the attempts at a batch.
type Status struct {
	Attempt    int  // the newest
	Heartbeats int  // of it
	Stuck      bool // it is alive, but makes no progress
	Ended      bool // it came to nothing
}

// Update reads what is new of a batch into s, and reports whether the attempt
// began or made progress since.
func (l *Log) Update(ctx context.Context, batch int64, s *Status) (progress bool, err error) {
	for {
		exists, err := l.exists(ctx, beginName(batch, s.Attempt+1))
		if err != nil {
			return progress, err
		}
		if !exists {
			break
		}
		*s, progress = Status{Attempt: s.Attempt + 1}, true
	}
	ended, err := l.exists(ctx, endName(batch, s.Attempt))
	if s.Ended = ended && err == nil; s.Ended || err != nil {
		return progress, err
	}
	for {
		var h heartbeat
		exists, err := l.get(ctx, heartbeatName(batch, s.Attempt, s.Heartbeats+1), &h)
		if err != nil || !exists {
			return progress, err
		}
		s.Heartbeats, s.Stuck = s.Heartbeats+1, h.Stuck
		progress = progress || !h.Stuck
	}
}

func (l *Log) path(name string) string { return path.Join(l.dir, name) }

// put puts a small record unless it exists.
func (l *Log) put(ctx context.Context, name string, v any) error {
	if l.records == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = l.records.PutIfAbsent(ctx, l.path(name), append(data, '\n'))
	return err
}

// get reads a small record into v, and reports whether it exists.
func (l *Log) get(ctx context.Context, name string, v any) (bool, error) {
	if l.records == nil {
		return false, nil
	}
	data, err := l.records.Get(ctx, l.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, &ledger.DamagedError{Name: l.path(name), Err: err}
	}
	return true, nil
}

func (l *Log) exists(ctx context.Context, name string) (bool, error) {
	if l.records == nil {
		return false, nil
	}
	_, err := l.records.Get(ctx, l.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
