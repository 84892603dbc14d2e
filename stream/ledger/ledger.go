package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/store"
)

// version is the version of the format that this package writes.
const version = "1"

// Ledger is the record of what a job has done: for each batch a plan, a commit
// and a hint that it has been published, and for each table a chain of schemas.
// Records are put once and never changed. Those of batches done long ago are
// summed up in a snapshot and moved into history. A Ledger may be used
// concurrently.
type Ledger struct {
	records store.Records
	dir     string
	header  header
	memory  *store.Memory // records, if they are in memory; else nil

	mu     sync.Mutex // guards tables
	tables map[string]*schemaChain
}

const headerName = "ledger.json"

// header is the content of ledger.json.
type header struct {
	ID       string            `json:"id"`
	Version  string            `json:"version"`
	Settings map[string]string `json:"settings"`
	Needs    []string          `json:"needs,omitempty"` // as in Plan
}

// Open opens the ledger in a directory of a store, or creates it. The settings,
// such as the partition clock, must never change: the first process records
// them, and a later one with different settings gets a *SettingsError.
func Open(ctx context.Context, records store.Records, dir string, settings map[string]string) (*Ledger, error) {
	l := &Ledger{records: records, dir: dir, tables: map[string]*schemaChain{}}
	own, err := json.Marshal(header{ID: token.New()[:8], Version: version, Settings: settings})
	if err != nil {
		return nil, err
	}
	name := l.path(headerName)
	winner, err := records.PutIfAbsent(ctx, name, append(own, '\n'))
	if err != nil {
		return nil, fmt.Errorf("ledger: create %s: %w", name, err)
	}
	h := &l.header
	if err := json.Unmarshal(winner, h); err != nil {
		return nil, &DamagedError{Name: name, Err: err}
	}
	if h.ID == "" {
		return nil, &DamagedError{Name: name, Err: errors.New("it has no id")}
	}
	if h.Version != version {
		return nil, &SettingsError{Ledger: dir, Setting: "version", Have: h.Version, Want: version}
	}
	if err := checkNeeds(0, name, h.Needs); err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		if have, want := h.Settings[k], settings[k]; have != want {
			return nil, &SettingsError{Ledger: dir, Setting: k, Have: have, Want: want}
		}
	}
	return l, nil
}

// Exists reports whether a directory of a store has a ledger.
func Exists(ctx context.Context, records store.Records, dir string) (bool, error) {
	_, err := records.Get(ctx, path.Join(dir, headerName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// OpenMemory returns an empty ledger in memory, for one run of one engine. It
// drops the records of each batch that is done, so that it does not grow.
func OpenMemory(ctx context.Context) (*Ledger, error) {
	m := store.NewMemory()
	l, err := Open(ctx, m, "ledger", nil)
	if err != nil {
		return nil, err
	}
	l.memory = m
	return l, nil
}

// ID returns the ledger's random name. The names of published files contain it,
// so that a new ledger never overwrites the files of an old one.
func (l *Ledger) ID() string { return l.header.ID }

// Settings returns the settings that the ledger was created with. The caller
// must not change them.
func (l *Ledger) Settings() map[string]string { return l.header.Settings }

// Records returns the store of the ledger and its directory there, for records
// of attempts at a batch. Their names must begin with the batch's number; they
// are removed when the batch moves into history. The store is nil if the ledger
// is in memory.
func (l *Ledger) Records() (store.Records, string) {
	if l.memory != nil {
		return nil, ""
	}
	return l.records, l.dir
}

// Plan returns the plan of a batch. The error wraps fs.ErrNotExist if the batch
// has not been planned, and also if its records have moved into history:
// Batches yields those.
func (l *Ledger) Plan(ctx context.Context, batch int64) (*Plan, error) {
	return get[Plan](ctx, l, batch, kindPlan)
}

// Commit returns the commit of a batch. The error wraps fs.ErrNotExist if the
// batch is undecided, and also if its records have moved into history: Batches
// yields those.
func (l *Ledger) Commit(ctx context.Context, batch int64) (*Commit, error) {
	return get[Commit](ctx, l, batch, kindCommit)
}

// Done reports whether a batch is recorded as published in full.
func (l *Ledger) Done(ctx context.Context, batch int64) (bool, error) {
	d, err := find[doneRecord](ctx, l, batch, kindDone)
	return d != nil, err
}

// PutPlan puts a plan unless the batch has one, and returns the batch's plan. The
// caller must have read the plans of all batches before it. The returned plan is
// void if a snapshot covers the batch; see Snapshot.
func (l *Ledger) PutPlan(ctx context.Context, p *Plan) (*Plan, error) {
	return put(ctx, l, p.Batch, kindPlan, p)
}

// PutCommit puts a commit unless the batch has one, and returns the batch's
// commit, which is void if a snapshot covers the batch; see Snapshot.
func (l *Ledger) PutCommit(ctx context.Context, c *Commit) (*Commit, error) {
	return put(ctx, l, c.Batch, kindCommit, c)
}

// PutDone records that a committed batch has been published in full.
func (l *Ledger) PutDone(ctx context.Context, batch int64) error {
	_, err := put(ctx, l, batch, kindDone, &doneRecord{Batch: batch, Created: time.Now().UTC()})
	if err != nil || l.memory == nil {
		return err
	}
	for _, kind := range []recordKind{kindPlan, kindCommit, kindDone} {
		if err := l.memory.Delete(ctx, l.path(recordName(batch, kind))); err != nil {
			return err
		}
	}
	return nil
}

// PlanPath returns the name of a batch's plan record in the store.
func (l *Ledger) PlanPath(batch int64) string { return l.path(recordName(batch, kindPlan)) }

// CommitPath returns the name of a batch's commit record in the store.
func (l *Ledger) CommitPath(batch int64) string { return l.path(recordName(batch, kindCommit)) }

// LastRecord returns the highest number of a batch that still has a record of
// its own, or 0. Batches may end before that batch, if a record is missing.
func (l *Ledger) LastRecord(ctx context.Context) (last int64, err error) {
	err = l.list(ctx, "", func(name string, _ int64) {
		if n, ok := recordBatch(name); ok {
			last = max(last, n)
		}
	})
	return last, err
}

// path returns the name in the store of a record in the ledger's directory.
func (l *Ledger) path(name string) string { return path.Join(l.dir, name) }

func get[T Plan | Commit | doneRecord](ctx context.Context, l *Ledger, batch int64, kind recordKind) (*T, error) {
	name := l.path(recordName(batch, kind))
	data, err := l.records.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return parse[T](batch, name, data)
}

// find returns the record, or nil if it does not exist.
func find[T Plan | Commit | doneRecord](ctx context.Context, l *Ledger, batch int64, kind recordKind) (*T, error) {
	v, err := get[T](ctx, l, batch, kind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return v, err
}

// put puts a record unless one exists, and returns the one that then exists.
func put[T Plan | Commit | doneRecord](ctx context.Context, l *Ledger, batch int64, kind recordKind, v *T) (*T, error) {
	name := l.path(recordName(batch, kind))
	if err := checkRecord(batch, name, v); err != nil {
		return nil, err
	}
	data, err := encode(v)
	if err != nil {
		return nil, err
	}
	winner, err := l.records.PutIfAbsent(ctx, name, data)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(winner, data) {
		return v, nil
	}
	return parse[T](batch, name, winner)
}
