package stream

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

	"github.com/skyfinch/skyfinch/stream/store"
)

// ledgerVersion is the version of the format that this code writes.
const ledgerVersion = "1"

// Ledger is the truth about what a job has done: for each batch a plan, a
// commit and a hint that it is published, for each table a chain of schemas.
// Records are put once and never changed; those of batches that are long done
// are summed up in a snapshot and moved into history. It may be used
// concurrently.
type Ledger struct {
	records store.Records
	dir     string
	id      string
	memory  *store.Memory // of a ledger that ends with its job; else nil

	mu     sync.Mutex // guards tables
	tables map[string]*chain
}

// header is the content of ledger.json.
type header struct {
	ID       string            `json:"id"`
	Version  string            `json:"version"`
	Settings map[string]string `json:"settings"`
}

// OpenLedger opens the ledger in a directory of a store, or begins one there.
// The settings are what must never change while it is in use, the clock of
// the directories for example: they are written down by the first process,
// and a later one with others gets a *SettingsError.
func OpenLedger(ctx context.Context, records store.Records, dir string, settings map[string]string) (*Ledger, error) {
	l := &Ledger{records: records, dir: dir, tables: map[string]*chain{}}
	name := path.Join(dir, "ledger.json")
	mine, err := json.Marshal(header{ID: newToken()[:8], Version: ledgerVersion, Settings: settings})
	if err != nil {
		return nil, err
	}
	stands, err := records.PutIfAbsent(ctx, name, append(mine, '\n'))
	if err != nil {
		return nil, fmt.Errorf("stream: begin ledger: %w", err)
	}
	var h header
	if err := json.Unmarshal(stands, &h); err != nil {
		return nil, fmt.Errorf("stream: %s is damaged: %w", name, err)
	}
	if h.ID == "" {
		return nil, fmt.Errorf("stream: %s is damaged: it has no id", name)
	}
	if h.Version != ledgerVersion {
		return nil, &SettingsError{Ledger: dir, Setting: "version", Have: h.Version, Want: ledgerVersion}
	}
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		if have, want := h.Settings[k], settings[k]; have != want {
			return nil, &SettingsError{Ledger: dir, Setting: k, Have: have, Want: want}
		}
	}
	l.id = h.ID
	return l, nil
}

// newMemoryLedger is the ledger of a job that was given none.
func newMemoryLedger(ctx context.Context) (*Ledger, error) {
	m := store.NewMemory()
	l, err := OpenLedger(ctx, m, "ledger", nil)
	if err != nil {
		return nil, err
	}
	l.memory = m
	return l, nil
}

// forget drops the records of a batch that is done, if nobody else will ever
// read them: a service without a ledger must not grow.
func (l *Ledger) forget(ctx context.Context, batch int64) error {
	if l.memory == nil {
		return nil
	}
	for _, kind := range []recordKind{kindPlan, kindCommit, kindDone} {
		if err := l.memory.Delete(ctx, path.Join(l.dir, recordName(batch, kind))); err != nil {
			return err
		}
	}
	return nil
}

// ID is the ledger's random name. The names of published files carry it, so
// that a fresh ledger never writes over the files of an old one.
func (l *Ledger) ID() string { return l.id }

// Plan returns the plan of a batch, or an error that wraps fs.ErrNotExist.
func (l *Ledger) Plan(ctx context.Context, batch int64) (*Plan, error) {
	return load[Plan](ctx, l, batch, kindPlan)
}

// Commit returns the commit of a batch, or an error that wraps fs.ErrNotExist.
func (l *Ledger) Commit(ctx context.Context, batch int64) (*Commit, error) {
	return load[Commit](ctx, l, batch, kindCommit)
}

func load[T Plan | Commit | Done](ctx context.Context, l *Ledger, batch int64, kind recordKind) (*T, error) {
	name := path.Join(l.dir, recordName(batch, kind))
	data, err := l.records.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return parse[T](batch, name, data)
}

// read returns the record, or nil if there is none.
func read[T Plan | Commit | Done](ctx context.Context, l *Ledger, batch int64, kind recordKind) (*T, error) {
	v, err := load[T](ctx, l, batch, kind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return v, err
}

// put puts a record if there is none, and returns the one that stands there.
func put[T Plan | Commit | Done](ctx context.Context, l *Ledger, batch int64, kind recordKind, v *T) (*T, error) {
	name := path.Join(l.dir, recordName(batch, kind))
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	data = append(data, '\n')
	stands, err := l.records.PutIfAbsent(ctx, name, data)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(stands, data) {
		return v, nil
	}
	return parse[T](batch, name, stands)
}
