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
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream/kafka"
)

// task is one phase of a run. It has its own process, so that what the
// operating system counts for the process is the phase's alone.
type task struct {
	Phase       phase
	Kafka       kafka.Flags
	Topic       string
	Registry    string // a directory of schemas, or ""
	Dir         string // for the files of the phase, which creates it
	Compression string
	Files       []int64 // the sizes of the files to write
	Watch       cli.Watch
}

type phase string

const (
	fetch      phase = "fetch"   // with sarama alone
	read       phase = "read"    // with stream/kafka
	write      phase = "write"   // files of the archive's sizes, with fsync
	archiveAll phase = "archive" // archive.Service
)

// phaseArg is the argument of a process that does a phase.
const phaseArg = "phase"

// measurement is what a phase did and what it took.
type measurement struct {
	Alerts int64
	Bytes  int64   // of messages, or of files in phase write
	Files  []int64 // the sizes of the files that were written
	Wall   time.Duration
	CPU    time.Duration // user and system, of the whole process
	Peak   int64         // bytes of resident memory, 0 if the system does not report them
	Error  string
}

// runPhase runs a task in a new process of this program. command are the
// arguments that select this command.
func runPhase(ctx context.Context, command []string, t task) (measurement, error) {
	self, err := os.Executable()
	if err != nil {
		return measurement{}, fmt.Errorf("benchmark: %w", err)
	}
	in, err := json.Marshal(t)
	if err != nil {
		return measurement{}, fmt.Errorf("benchmark: %w", err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, append(slices.Clone(command), phaseArg)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, os.Stderr
	syncDisk(ctx)
	err = cmd.Run()
	var m measurement
	if json.Unmarshal(out.Bytes(), &m) != nil {
		m.Error = fmt.Sprint("the process ended without a result: ", err)
	}
	if m.Error != "" {
		return measurement{}, errors.Join(ctx.Err(), fmt.Errorf("benchmark: %s: %s", t.Phase, m.Error))
	}
	m.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return m, nil
}

// syncDisk finishes earlier writes, so that they are not measured. A system
// without the command sync measures them.
func syncDisk(ctx context.Context) { _ = exec.CommandContext(ctx, "sync").Run() }

// runChild is the process of a phase: it reads the task from in and writes the
// measurement to out.
func runChild(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("benchmark: %w", err)
	}
	started := time.Now()
	m, err := t.run(ctx)
	m.Wall, m.Peak = time.Since(started), peakMemory()
	if err != nil {
		m.Error = strings.Join(strings.Fields(err.Error()), " ")
	}
	return json.NewEncoder(out).Encode(m)
}

func (t task) run(ctx context.Context) (measurement, error) {
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
	return measurement{}, fmt.Errorf("unknown phase %q", t.Phase)
}

// peakMemory returns the largest resident memory of this process. The parent
// cannot measure it: the ru_maxrss of a child begins with the parent's memory on
// Linux.
func peakMemory() int64 {
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
