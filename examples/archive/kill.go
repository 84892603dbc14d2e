//go:build killpoints

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

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/kafka"
	"github.com/skyfinch/skyfinch/stream/store"
)

// openStore opens a store that kills the process, as kill -9 does, at the step
// named in the environment: SKYFINCH_KILL="after publish 2" when the second
// file has been published. SKYFINCH_STOP likewise ends it as Ctrl-C does, and
// SKYFINCH_PAUSE stops it until it gets SIGCONT. See stepOf for the steps, and
// fault.go for operations that fail.
func openStore(dir string) (store.Store, error) {
	s, err := store.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	faults, err := parseFaults(os.Getenv("SKYFINCH_FAULT"))
	if err != nil {
		return nil, err
	}
	points := []point{faults, atStep("SKYFINCH_KILL", kill), atStep("SKYFINCH_STOP", interrupt), atStep("SKYFINCH_PAUSE", pause)}
	return &faultstore.Store{
		Store: s,
		Before: func(op faultstore.Op) (err error) {
			for _, p := range points {
				err = errors.Join(err, p.before(op))
			}
			return err
		},
		After: func(op faultstore.Op) (err error) {
			for _, p := range points {
				err = errors.Join(err, p.after(op))
			}
			return err
		},
	}, nil
}

// point is something that happens around operations.
type point struct{ before, after func(faultstore.Op) error }

func nothing(faultstore.Op) error { return nil }

// kill ends the process at once.
func kill() error {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// pause stops the process, as kill -STOP does.
func pause() error { return syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

// interrupt asks the process to end; what is under way fails besides, so that
// it is not done before the signal arrives.
func interrupt() error {
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	return errors.New("stopped here")
}

// atStep does something at the step that an environment variable names, like
// "before commit 2".
func atStep(variable string, do func() error) point {
	var when, step string
	var n int
	if _, err := fmt.Sscan(os.Getenv(variable), &when, &step, &n); err != nil {
		return point{nothing, nothing}
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
		return point{hook, nothing}
	}
	return point{nothing, hook}
}

// stepOf names the step that an operation is:
//
//	ledger                      the ledger is begun
//	schema, schemafile          a table's schema is widened; its file is written and published
//	plan, commit, done          records of a batch
//	try2, try3…, tryend         an attempt begins after others died; one ends that came to nothing
//	stage, write, close, abort  a staged file
//	publish, sweep              what is committed appears; what is left over goes
//	snapshot, history, join     the ledger is summed up
//	truncate, forget, drop      records, snapshots and segments that are summed up go
//	settle                      the source is told what is archived
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
	case op.Kind == faultstore.Delete:
		return "sweep"
	}
	return string(op.Kind)
}

// segmentStep tells a new segment of history from one that joins others: with
// the short periods of this build only the latter have many batches.
func segmentStep(name string) string {
	var from, to int64
	if fmt.Sscanf(name, "%d-%d", &from, &to); to-from >= 12 {
		return "join"
	}
	return "history"
}

// rig comes between a service and its parts.
func rig(s *archive.Service) {
	if id, ok := poison(); ok {
		s.Transforms = append(s.Transforms, id)
	}
	if k, ok := s.Source.(*kafka.Source); ok {
		s.Source = &settling{k, atStep("SKYFINCH_KILL", kill)}
	}
}

// settling is a Kafka source for which settle is a step too.
type settling struct {
	*kafka.Source
	point
}

func (s *settling) Committed(ctx context.Context, settled map[string]int64) error {
	op := faultstore.Op{Kind: "settle"}
	s.before(op)
	err := s.Source.Committed(ctx, settled)
	s.after(op)
	return err
}
