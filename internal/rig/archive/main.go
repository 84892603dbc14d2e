//go:build unix

// Archive is the command archive whose store fails, and which kills, ends or
// stops itself, where the environment says so. Tests and .ci build it.
//
//	SKYFINCH_KILL="after publish 2"        kill -9, when the second file has been published
//	SKYFINCH_STOP="before commit 1"        end as by SIGTERM
//	SKYFINCH_PAUSE="before plan 3"         stop until SIGCONT
//	SKYFINCH_FAULT="write,close EIO 40 7"  fail operations: see parseFaults
//	SKYFINCH_POISON=697251920000000000     kill -9, when this alert id is decoded
//	SKYFINCH_QUIET=1s                      with -compact: after how long an hour is quiet
//
// See stepOf for the steps.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	service "github.com/skyfinch/skyfinch/internal/service/archive"
	"github.com/skyfinch/skyfinch/stream/kafka"
	"github.com/skyfinch/skyfinch/stream/store"
)

func main() {
	os.Exit(cli.Main("archive", service.Command{OpenStore: openStore, Prepare: prepare}.Run))
}

// openStore opens a store that does what the environment says.
func openStore(dir string) (store.Store, error) {
	s, err := store.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	faults, err := parseFaults(os.Getenv("SKYFINCH_FAULT"))
	if err != nil {
		return nil, err
	}
	all := []hooks{faults, atStep("SKYFINCH_KILL", kill), atStep("SKYFINCH_STOP", interrupt), atStep("SKYFINCH_PAUSE", pause)}
	return &faultstore.Store{
		Store: s,
		Before: func(op faultstore.Op) (err error) {
			for _, h := range all {
				err = errors.Join(err, h.before(op))
			}
			return err
		},
		After: func(op faultstore.Op) (err error) {
			for _, h := range all {
				err = errors.Join(err, h.after(op))
			}
			return err
		},
	}, nil
}

// prepare adds to a service what the environment says. Snapshots are frequent,
// so that a run of a few batches has snapshots, history and truncation too.
func prepare(s *archive.Service) {
	s.Job.SnapshotEvery = 2
	if quiet, err := time.ParseDuration(os.Getenv("SKYFINCH_QUIET")); err == nil && s.Compact != nil {
		s.Compact.Quiet = quiet
	}
	if t, ok := poison(); ok {
		s.Job.Transforms = append(s.Job.Transforms, t)
	}
	if k, ok := s.Job.Source.(*kafka.Source); ok {
		s.Job.Source = &hookedSource{k, atStep("SKYFINCH_KILL", kill)}
	}
}

// hooks are called before and after operations.
type hooks struct{ before, after func(faultstore.Op) error }

func nothing(faultstore.Op) error { return nil }

// kill ends the process at once.
func kill() error {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// pause stops the process, as kill -STOP does.
func pause() error { return syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

// interrupt sends SIGTERM, and fails the operation so that it is not done
// before the signal arrives.
func interrupt() error {
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	return errors.New("stopped here")
}

// atStep calls do at the step that an environment variable names, such as
// "before commit 2".
func atStep(variable string, do func() error) hooks {
	var when, step string
	var n int
	if _, err := fmt.Sscan(os.Getenv(variable), &when, &step, &n); err != nil {
		return hooks{nothing, nothing}
	}
	var mu sync.Mutex
	hook := func(op faultstore.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if stepOf(op) == step {
			if n--; n == 0 {
				return do()
			}
		}
		return nil
	}
	if when == "before" {
		return hooks{hook, nothing}
	}
	return hooks{nothing, hook}
}

// stepOf names the step that an operation is:
//
//	ledger                      the ledger begins
//	schema, schemafile          a table's schema widens; its file is written and published
//	plan, commit, done          records of a batch
//	try2, try3…, tryend         an attempt begins after others died; one ends that failed
//	stage, write, close, abort  a staged file
//	publish, sweep              a file is published; a staged or a rejected one is removed
//	reserve, remove             a directory is reserved for a compaction; a file of alerts is removed
//	snapshot, history, join     records are summed up; segments are joined
//	truncate, forget, drop      records, snapshots and segments that are summed up are deleted
//	settle                      the source learns what is archived
func stepOf(op faultstore.Op) string {
	dir, name := path.Split(op.Name)
	switch {
	case strings.HasPrefix(op.Name, "staging/schema/"), dir == "schema/":
		return "schemafile"
	case op.Kind == faultstore.PutIfAbsent && strings.HasPrefix(dir, "ledger/schema/"):
		return "schema"
	case op.Kind == faultstore.PutIfAbsent && dir == "ledger/snapshots/":
		return "snapshot"
	case op.Kind == faultstore.PutIfAbsent && dir == "ledger/history/":
		return segmentStep(name)
	case op.Kind == faultstore.PutIfAbsent && name == "ledger.json":
		return "ledger"
	case op.Kind == faultstore.PutIfAbsent && dir == "ledger/compacting/":
		return "reserve"
	case op.Kind == faultstore.PutIfAbsent && strings.HasSuffix(name, "end"):
		return "tryend"
	case op.Kind == faultstore.PutIfAbsent:
		return strings.TrimPrefix(path.Ext(name), ".")
	case op.Kind == faultstore.Delete && dir == "ledger/history/":
		return "drop"
	case op.Kind == faultstore.Delete && dir == "ledger/snapshots/":
		return "forget"
	case op.Kind == faultstore.Delete && dir == "ledger/":
		return "truncate"
	case op.Kind == faultstore.Delete && strings.HasPrefix(dir, "alerts/"):
		return "remove"
	case op.Kind == faultstore.Delete:
		return "sweep"
	}
	return string(op.Kind)
}

// segmentStep distinguishes a new history segment from one that joins others:
// with a snapshot after every two batches only the latter has many batches.
func segmentStep(name string) string {
	var from, to int64
	if fmt.Sscanf(name, "%d-%d", &from, &to); to-from >= 12 {
		return "join"
	}
	return "history"
}

// hookedSource is a Kafka source for which settle is a step too.
type hookedSource struct {
	*kafka.Source
	hooks
}

func (s *hookedSource) Committed(ctx context.Context, settled map[string]int64) error {
	op := faultstore.Op{Kind: "settle"}
	s.before(op)
	err := s.Source.Committed(ctx, settled)
	s.after(op)
	return err
}
