// Package attempts keeps, in the directory of a ledger, the records that show
// processes that share it which attempts at a batch are under way: one record
// when an attempt begins, a heartbeat each second, and one when it fails in an
// orderly manner. An attempt that has begun, has not ended and has no heartbeat
// has died with its process.
//
// The first attempt at a batch is that of the process that planned it: the plan
// is the record that begins it.
package attempts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Log is the record of the attempts at the batches of a ledger. It may be used
// concurrently.
type Log struct {
	records store.Records // nil if the ledger is in memory
	dir     string
}

// Open returns the log of a ledger. If the ledger is in memory, which no other
// process sees, nothing is recorded: each Begin wins.
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

// heartbeat is the content of a heartbeat record. If the store can overwrite
// records, an attempt has one, with the number of the last heartbeat; otherwise
// each heartbeat has a record of its own.
type heartbeat struct {
	Number int  `json:"n,omitempty"` // if the record is overwritten
	Stuck  bool `json:"stuck,omitempty"`
}

func beginName(batch int64, attempt int) string { return fmt.Sprintf("%012d.try%d", batch, attempt) }
func endName(batch int64, attempt int) string   { return beginName(batch, attempt) + "end" }

func hintName(batch int64, attempt int) string { return beginName(batch, attempt) + ".beat" }

func heartbeatName(batch int64, attempt, n int) string {
	return fmt.Sprintf("%s.%d", beginName(batch, attempt), n)
}

// NewRecord returns the record that begins an attempt. previousAlive reports
// whether the attempt before it was alive, but stuck.
func NewRecord(previousAlive bool) ([]byte, error) {
	return json.Marshal(beginRecord{token.New(), time.Now().UTC(), previousAlive})
}

// Begin puts the record that begins an attempt. It reports false if another
// process has begun the attempt of that number. After an error it may be called
// again with the same record.
func (l *Log) Begin(ctx context.Context, batch int64, attempt int, record []byte) (bool, error) {
	if l.records == nil {
		return true, nil
	}
	winner, err := l.records.PutIfAbsent(ctx, l.path(beginName(batch, attempt)), record)
	return bytes.Equal(winner, record), err
}

// End records that an attempt failed without dying.
func (l *Log) End(ctx context.Context, batch int64, attempt int) error {
	return l.put(ctx, endName(batch, attempt), struct{}{})
}

// Heartbeat puts the n-th heartbeat of an attempt, counted from 1. stuck reports
// whether the attempt has stopped making progress.
func (l *Log) Heartbeat(ctx context.Context, batch int64, attempt, n int, stuck bool) error {
	if hints, ok := l.records.(store.Hinter); ok {
		data, err := json.Marshal(heartbeat{n, stuck})
		if err != nil {
			return err
		}
		return hints.PutHint(ctx, l.path(hintName(batch, attempt)), append(data, '\n'))
	}
	return l.put(ctx, heartbeatName(batch, attempt, n), heartbeat{Stuck: stuck})
}

// Deaths counts the attempts before a given one that have not ended and that the
// next attempt did not find alive.
func (l *Log) Deaths(ctx context.Context, batch int64, before int) (n int, err error) {
	for k := 1; k < before; k++ {
		var next beginRecord
		if _, err := l.get(ctx, batch, beginName(batch, k+1), &next); err != nil {
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

// Status is what a process has seen of the newest attempt at a batch.
type Status struct {
	Attempt    int  // its number, from 1
	Heartbeats int  // how many have been seen
	Stuck      bool // by the last heartbeat, it is alive but makes no progress
	Ended      bool // it has failed without dying
}

// Update brings s up to date. It reports whether, since the last update, an
// attempt has begun or a heartbeat has reported progress; if there is an error,
// it may report what it saw before.
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
	if _, ok := l.records.(store.Hinter); ok {
		var h heartbeat
		exists, err := l.get(ctx, batch, hintName(batch, s.Attempt), &h)
		if err != nil || !exists || h.Number <= s.Heartbeats {
			return progress, err
		}
		s.Heartbeats, s.Stuck = h.Number, h.Stuck
		return progress || !h.Stuck, nil
	}
	for {
		var h heartbeat
		exists, err := l.get(ctx, batch, heartbeatName(batch, s.Attempt, s.Heartbeats+1), &h)
		if err != nil || !exists {
			return progress, err
		}
		s.Heartbeats, s.Stuck = s.Heartbeats+1, h.Stuck
		progress = progress || !h.Stuck
	}
}

func (l *Log) path(name string) string { return path.Join(l.dir, name) }

// put puts a record unless it exists.
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

// get reads a record of a batch into v, and reports whether it exists.
func (l *Log) get(ctx context.Context, batch int64, name string, v any) (bool, error) {
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
		return false, &ledger.DamagedError{Batch: batch, Name: l.path(name), Err: err}
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
