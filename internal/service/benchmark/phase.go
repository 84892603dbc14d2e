package benchmark

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// task is one phase of a run, which a process of its own does: what the
// operating system counts for that process is then the phase's alone.
type task struct {
	Phase       phase
	Brokers     []string
	Config      string // a properties file; "": none
	Topic       string
	Registry    string // a directory of schemas
	Dir         string // is made, for what is written
	Compression string
	Files       []int64 // sizes of the files to write
}

type phase string

const (
	fetch      phase = "fetch"   // with sarama alone
	read       phase = "read"    // with stream/kafka
	write      phase = "write"   // files of the archive's sizes, with fsync
	archiveAll phase = "archive" // archive.Service
)

// childArg is the one argument of a process that does a phase.
const childArg = "phase"

// done is what a phase did.
type done struct {
	Alerts int64
	Bytes  int64   // of messages, or written by write
	Files  []int64 // the sizes of files made
	Wall   time.Duration
	CPU    time.Duration // user and system, of the whole process
	Peak   int64         // bytes of resident memory; 0: not known here
	Error  string
}

// runPhase does a task in a new process of this program.
func runPhase(ctx context.Context, t task) (done, error) {
	self, err := os.Executable()
	if err != nil {
		return done{}, fmt.Errorf("benchmark: %w", err)
	}
	in, err := json.Marshal(t)
	if err != nil {
		return done{}, fmt.Errorf("benchmark: %w", err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, childArg)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, os.Stderr
	settleDisk(ctx)
	err = cmd.Run()
	var d done
	if json.Unmarshal(out.Bytes(), &d) != nil || d.Error != "" {
		return done{}, errors.Join(ctx.Err(), fmt.Errorf("benchmark: %s: %s", t.Phase, firstOf(d.Error, err)))
	}
	d.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return d, nil
}

func firstOf(text string, err error) string {
	if text != "" {
		return text
	}
	return fmt.Sprint("the process ended without a word: ", err)
}

// settleDisk lets the disk come to rest: what was written before is not to be
// counted. Where there is no such command, so be it.
func settleDisk(ctx context.Context) { _ = exec.CommandContext(ctx, "sync").Run() }

// child is the process of a phase: a task on in, what became of it on out.
func child(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("benchmark: %w", err)
	}
	begun := time.Now()
	d, err := do(ctx, t)
	d.Wall, d.Peak = time.Since(begun), peak()
	if err != nil {
		d.Error = strings.Join(strings.Fields(err.Error()), " ")
	}
	return json.NewEncoder(out).Encode(d)
}

func do(ctx context.Context, t task) (done, error) {
	switch t.Phase {
	case fetch:
		return fetchTopic(ctx, t)
	case read:
		return readTopic(ctx, t)
	case write:
		return writeFiles(t)
	case archiveAll:
		return archiveTopic(ctx, t)
	}
	return done{}, fmt.Errorf("no phase %q", t.Phase)
}

// peak returns the most memory that this process had resident. What a parent
// is told of its child (ru_maxrss) will not do: Linux counts there what the
// parent had when it started the child.
func peak() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
