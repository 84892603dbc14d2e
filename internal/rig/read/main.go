//go:build unix

// Read makes an archive of simulated alerts, and measures what reading its files
// costs: see .ci/read.
//
//	read make DIR N              archives N simulated alerts of ZTF and compacts them
//	read DIR RUNS [COLUMN,…]     reads all files, or columns of them, on one core
//	read ipc FILE                writes a file's row groups as an Arrow stream
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
)

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	if len(args) == 3 && args[0] == "make" {
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return makeFiles(args[1], n)
	}
	if len(args) == 2 && args[0] == "ipc" {
		return writeIPC(args[1])
	}
	if len(args) != 2 && len(args) != 3 {
		return errors.New("usage: read make DIR N, read DIR RUNS [COLUMN,…], read ipc FILE")
	}
	runs, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var columns []string
	if len(args) == 3 {
		columns = strings.Split(args[2], ",")
	}
	return measure(args[0], runs, columns)
}

// makeFiles archives n alerts of one night and merges the files of each hour.
func makeFiles(dir string, n int) error {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	s := archive.Service{Dir: dir, Job: stream.MicroBatch{
		Source: &sim.Source{Simulator: sim.Simulator{Survey: sim.ZTF, Seed: 1, Alerts: n}},
		Limits: stream.Limits{Rows: int64(n+4) / 5}, // of which each has some hours in part; the simulator begins again for each batch
	}}
	if err := s.Drain(context.Background()); err != nil {
		return err
	}
	c := archive.Compaction{Dir: dir}
	_, err := c.Run(context.Background())
	return err
}

// measure reads the files and prints the rows and the CPU seconds of each run.
func measure(dir string, runs int, columns []string) error {
	runtime.GOMAXPROCS(1)
	for range runs {
		var rows int64
		begun, wall := cpu(), time.Now()
		err := filepath.WalkDir(filepath.Join(dir, "alerts"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			n, err := readFile(path, columns)
			rows += n
			return err
		})
		if err != nil {
			return err
		}
		fmt.Printf("%d rows %.3f s CPU %.3f s\n", rows, (cpu() - begun).Seconds(), time.Since(wall).Seconds())
	}
	return nil
}

func readFile(path string, columns []string) (rows int64, err error) {
	err = eachGroup(path, columns, func(rec arrow.Record) error {
		rows += rec.NumRows()
		return nil
	})
	return rows, err
}

// eachGroup calls f with each row group of a file.
func eachGroup(path string, columns []string, f func(arrow.Record) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	r, err := parquetfile.OpenReader(in, info.Size())
	if err != nil {
		return err
	}
	for i := range r.NumRowGroups() {
		rec, err := r.ReadRowGroup(i, columns)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		err = f(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// writeIPC writes a file to standard output.
func writeIPC(path string) error {
	var w *ipc.Writer
	err := eachGroup(path, nil, func(rec arrow.Record) error {
		if w == nil {
			w = ipc.NewWriter(os.Stdout, ipc.WithSchema(rec.Schema()))
		}
		return w.Write(rec)
	})
	if err == nil && w != nil {
		err = w.Close()
	}
	return err
}

// cpu returns the CPU time of the process.
func cpu() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		log.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
