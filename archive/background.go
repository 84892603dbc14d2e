package archive

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/backoff"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

const (
	// compactInterval is the time between two compactions in the background.
	compactInterval = 5 * time.Minute
	// indexInterval is the time after which the index is saved, if there is enough.
	indexInterval = 5 * time.Minute
	// maxPause is how long one waits for the job to be idle.
	maxPause = 30 * time.Second

	pauseInterval    = 50 * time.Millisecond
	backgroundMemory = 48 << 20
)

// beside runs a job and, beside it, compactions if the service compacts. Otherwise it
// saves the index, which compactions do too. Before, it does what rewrites that died have
// left. Errors of all these are logged.
func (s *Service) beside(ctx context.Context, st store.Store, run func(context.Context) error) error {
	if err := s.recover(ctx, st); err != nil && ctx.Err() == nil {
		s.log().Warn("archive: finish what a compaction or a prune left: the next one will", "err", err)
	}
	work := s.compacting
	if s.Compact == nil {
		work = s.indexing
	}
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		work(working, st)
	}()
	defer func() {
		stop()
		<-ended
	}()
	return run(ctx)
}

// recover deletes what rewrites that died have replaced. They left a reservation.
func (s *Service) recover(ctx context.Context, st store.Store) error {
	for _, err := range st.List(ctx, layout.Reservations) {
		if err != nil {
			return err
		}
		c, err := (&Compaction{Dir: s.Dir, Store: st}).open(ctx)
		if err == nil {
			err = c.refresh(ctx, false)
		}
		if err == nil {
			err = c.clear(ctx)
		}
		if err == nil {
			err = c.sweep(ctx)
		}
		return err
	}
	return nil
}

// compacting compacts the archive again and again, until the context ends.
func (s *Service) compacting(ctx context.Context, st store.Store) {
	c := *s.Compact
	c.Dir, c.Store, c.Workers = s.Dir, st, 1
	c.Memory = cmp.Or(c.Memory, backgroundMemory)
	c.Compression = s.Compression
	c.Pause = s.yield
	interval := min(compactInterval, max(c.Quiet/4, time.Second))
	for ctx.Err() == nil {
		if _, err := c.Run(ctx); err != nil && ctx.Err() == nil {
			s.log().Warn("archive: compaction in the background: it is tried again", "after", interval, "err", err)
		}
		_ = backoff.Sleep(ctx, interval)
	}
}

// indexing saves the index again and again, until the context ends.
func (s *Service) indexing(ctx context.Context, st store.Store) {
	for ctx.Err() == nil {
		l, err := ledger.Open(ctx, st, layout.Ledger, nil)
		if err == nil {
			err = index.Save(ctx, st, l)
		}
		if err != nil && ctx.Err() == nil {
			s.log().Warn("archive: the index: readers take longer to start until it is saved again", "after", indexInterval, "err", err)
		}
		_ = backoff.Sleep(ctx, indexInterval)
	}
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

func (s *Service) log() *slog.Logger {
	if s.Job.Log != nil {
		return s.Job.Log
	}
	return slog.Default()
}
