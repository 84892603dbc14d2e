package archive

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

const (
	// compactInterval is the time between two compactions in the background.
	compactInterval = 5 * time.Minute
	// maxPause is how long one waits for the job to be idle.
	maxPause = 30 * time.Second

	pauseInterval    = 50 * time.Millisecond
	backgroundMemory = 48 << 20
)

// compacting runs a job, and compactions of its archive beside it.
func (s *Service) compacting(ctx context.Context, st store.Store, run func(context.Context) error) error {
	c := *s.Compact
	c.Dir, c.Store, c.Workers = s.Dir, st, 1
	c.Memory = cmp.Or(c.Memory, backgroundMemory)
	c.Log = cmp.Or(c.Log, s.Job.Log)
	c.Compression = s.Compression
	c.Pause = s.yield
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for backoff.Sleep(working, min(compactInterval, max(c.Quiet/4, time.Second))) == nil {
			if _, err := c.Run(working); err != nil && working.Err() == nil {
				log := c.Log
				if log == nil {
					log = slog.Default()
				}
				log.Warn("archive: compaction in the background: it is tried again", "after", compactInterval, "err", err)
			}
		}
	}()
	defer func() {
		stop()
		<-ended
	}()
	return run(ctx)
}

// yield waits until the job is idle, or for maxPause.
func (s *Service) yield(ctx context.Context) error {
	for begun := time.Now(); s.Job.Status().Stage != stream.StageWait && time.Since(begun) < maxPause; {
		if err := backoff.Sleep(ctx, pauseInterval); err != nil {
			return err
		}
	}
	return ctx.Err()
}
