package benchmark

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/kafka"
	"github.com/skyfinch/skyfinch/stream/monitor"
	"github.com/skyfinch/skyfinch/stream/store"
)

func source(t task) (*kafka.Source, error) {
	t.Kafka.Topics = []string{t.Topic}
	return t.Kafka.Source()
}

// readTopic reads a topic through stream/kafka and drops the messages.
func readTopic(ctx context.Context, t task) (measurement, error) {
	s, err := source(t)
	if err != nil {
		return measurement{}, err
	}
	defer s.Close()
	extents, err := s.Available(ctx)
	if err != nil {
		return measurement{}, err
	}
	var ranges []stream.Range
	for _, e := range extents {
		ranges = append(ranges, e.Range)
	}
	var m measurement
	for c, err := range s.Read(ctx, ranges) {
		if err != nil {
			return m, err
		}
		for _, a := range c.Accounts {
			m.Alerts += a.Read
		}
		m.Bytes += messageBytes(c)
	}
	return m, nil
}

func messageBytes(c stream.Chunk) (n int64) {
	if c.Messages == nil {
		return 0
	}
	for _, column := range []int{stream.ColKey, stream.ColValue} {
		v := c.Messages.Column(column).(*array.BinaryView)
		for i := range v.Len() {
			n += int64(len(v.Value(i)))
		}
	}
	return n
}

// archiveTopic archives a topic.
func archiveTopic(ctx context.Context, t task) (m measurement, err error) {
	src, err := source(t)
	if err != nil {
		return m, err
	}
	defer src.Close()
	s := &archive.Service{Job: stream.MicroBatch{Source: src}, Dir: t.Dir}
	if s.Compression, err = sink.ParseCompression(t.Compression); err != nil {
		return m, err
	}
	if t.Registry != "" {
		if s.Registry, err = alert.OpenRegistry(ctx, t.Registry); err != nil {
			return m, err
		}
	}
	if err := drain(ctx, s, t.Watch); err != nil {
		return m, err
	}
	p := s.Progress()
	m.Alerts, m.Bytes = p.Written, p.BytesIn
	if p.Rejected > 0 {
		return m, fmt.Errorf("%d messages were rejected: %v", p.Rejected, p.Causes)
	}
	m.Files, err = sizes(filepath.Join(t.Dir, "alerts"))
	return m, err
}

// drain archives all messages, and is watched if the flags say so.
func drain(ctx context.Context, s *archive.Service, w cli.Watch) error {
	if w == (cli.Watch{}) {
		return s.Drain(ctx)
	}
	server, err := w.Open()
	if err != nil {
		return err
	}
	if s.Store, err = store.OpenDir(s.Dir); err != nil {
		return err
	}
	server.Add(&monitor.Job{Name: "archive", MicroBatch: &s.Job, Store: s.Store})
	return server.Run(ctx, func() error { return s.Drain(ctx) })
}

// sizes returns the sizes of the files in a directory.
func sizes(dir string) (all []int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			all = append(all, info.Size())
		}
		return err
	})
	return all, err
}
