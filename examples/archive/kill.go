//go:build killpoints

package main

import (
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/store"
)

// openStore opens a store that kills the process, as kill -9 does, at the step
// named in the environment: SKYFINCH_KILL="after publish 2" when the second file has been
// published. Each store operation of a batch is a step: ledger, schema,
// schemafile, plan, stage, write, close, commit, publish, sweep, done.
func openStore(dir string) (store.Store, error) {
	s, err := store.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	var when, step string
	var n int
	if _, err := fmt.Sscan(os.Getenv("SKYFINCH_KILL"), &when, &step, &n); err != nil {
		return s, nil
	}
	var mu sync.Mutex
	kill := func(op faultstore.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if stepOf(op) == step {
			if n--; n == 0 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		return nil
	}
	f := &faultstore.Store{Store: s}
	if when == "before" {
		f.Before = kill
	} else {
		f.After = kill
	}
	return f, nil
}

// stepOf names the step of a batch that an operation is.
func stepOf(op faultstore.Op) string {
	if strings.HasPrefix(op.Name, "staging/schema/") || strings.HasPrefix(op.Name, "schema/") {
		return "schemafile"
	}
	switch op.Kind {
	case faultstore.PutIfAbsent:
		switch {
		case strings.Contains(op.Name, "/schema/"):
			return "schema"
		case strings.HasSuffix(op.Name, ".json"):
			return "ledger"
		}
		return strings.TrimPrefix(path.Ext(op.Name), ".") // plan, commit, done
	case faultstore.Delete:
		return "sweep"
	}
	return string(op.Kind) // stage, write, close, publish
}
