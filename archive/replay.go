package archive

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Replayed is the result of a replay.
type Replayed struct {
	Files    int64 // rejected files that were replaced
	Read     int64 // messages in them
	Chosen   int64 // of these, tried again
	Written  int64 // alerts now
	Dropped  int64 // dropped by a transform
	Rejected int64 // rejected again, or not tried
	// Causes counts the messages that stay rejected by their cause, as in
	// stream.Progress.
	Causes map[string]int64
}

// replayRows is how many messages a batch of a replay has, not counting its
// last file.
const replayRows = 100_000

// Replay tries rejected messages again: those whose cause choose accepts, or
// all if choose is nil. A message that can be decoded now goes to its table
// with its own topic, partition, offset and time; the others stay rejected.
// Each message is in one of the two places once, even if the process dies: see
// the package's doc. Replay does not use Job.Source, and takes the Clock from
// the archive.
func (s *Service) Replay(ctx context.Context, choose func(cause string) bool) (out Replayed, err error) {
	st, err := layout.Open(ctx, s.Store, s.Dir)
	if err != nil {
		return out, err
	}
	unlock, locked, err := s.lock(st, false)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	records, err := ledger.Open(ctx, st, layout.Ledger, nil)
	if err != nil {
		return out, fmt.Errorf("archive: %s: %w", layout.Where(s.Dir), err)
	}
	clock, err := sink.ParseClock(records.Settings()["clock"])
	if err != nil {
		return out, fmt.Errorf("archive: %s: its ledger has an unknown clock: %w", layout.Where(s.Dir), err)
	}
	if choose == nil {
		choose = func(string) bool { return true }
	}
	w, err := s.wire(ctx, st, clock)
	if err != nil {
		return out, err
	}
	defer w.decoder.Close()
	r := &replay{service: s, wiring: w, store: st, locked: locked, choose: choose}
	if err := r.run(ctx); err != nil {
		return r.done, fmt.Errorf("archive: replay: %w", err)
	}
	return r.done, nil
}

// replay is one run of Replay.
type replay struct {
	service *Service
	wiring  *wiring
	store   store.Store
	locked  bool // no other process replays
	choose  func(cause string) bool
	done    Replayed
}

// run replays the rejected files, group by group.
func (r *replay) run(ctx context.Context) error {
	files, _, err := r.settle(ctx)
	if err != nil {
		return err
	}
	if err := r.clearStaging(ctx); err != nil {
		return err
	}
	for len(files) > 0 {
		var group []input
		var rows int64
		for len(files) > 0 && rows < replayRows {
			f := files[0]
			files = files[1:]
			n, err := r.countChosen(ctx, f)
			if err != nil {
				return err
			}
			if n > 0 {
				group, rows = append(group, input{f, n}), rows+f.Rows
			}
		}
		if len(group) == 0 {
			return nil
		}
		if err := r.replayFiles(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// clearStaging removes what replays that died have staged. Only the lock, which
// the system releases when its process dies, proves that no replay is at work;
// settle has published what was committed.
func (r *replay) clearStaging(ctx context.Context) error {
	if !r.locked {
		return nil
	}
	return layout.DeleteAll(ctx, r.store, layout.Staging+"/"+r.wiring.ledger.ID()+layout.ReplayMark)
}

// replayFiles replays some rejected files in one batch. A job without a ledger
// stages their rows first; then the batch is claimed, decided and published.
func (r *replay) replayFiles(ctx context.Context, inputs []input) error {
	id := stream.BatchID{Ledger: r.wiring.ledger.ID() + layout.ReplayMark + strings.ToLower(rand.Text()[:10]), Number: 1}
	rows, rejects := &stagingSink{files: r.wiring.rows, id: id}, &stagingSink{files: r.wiring.rejects.Parquet, id: id}
	remove := func() {
		rows.remove(ctx)
		rejects.remove(ctx)
	}
	given := &r.service.Job
	job := &stream.MicroBatch{
		Source: &rejectedSource{store: r.store, inputs: inputs, choose: r.choose}, Transforms: r.wiring.transforms,
		Sink: rows, Rejects: rejects,
		Limits:  stream.Limits{Rows: 1 << 40, Bytes: 1 << 50, InFlight: given.Limits.InFlight},
		Workers: given.Workers, Log: given.Log,
	}
	if err := job.Drain(ctx); err != nil {
		remove()
		return err
	}
	p := job.Progress()
	old := layout.Replacement{Read: p.Read, Written: p.Written, Rejected: p.Rejected, Dropped: p.Dropped}
	for _, in := range inputs {
		old.Replaces = append(old.Replaces, ledger.ReplacedFile{Name: in.Path, Rows: in.Rows, Bytes: in.Bytes})
		r.done.Chosen += in.chosen
	}
	if p.Written+p.Dropped == 0 { // all are rejected again: the files stay
		rejects.remove(ctx)
	} else {
		c := &ledger.Commit{Rows: rows.receipt, Rejects: rejects.receipt, Bytes: p.BytesIn, Seconds: p.Elapsed.Seconds()}
		if err := r.decide(ctx, c, old); err != nil {
			if errors.Is(err, errReplaced) { // after another error the commit may exist
				remove()
			}
			return err
		}
		r.done.Files += int64(len(inputs))
	}
	r.done.add(p)
	return nil
}

func (d *Replayed) add(p stream.Progress) {
	d.Read += p.Read
	d.Written += p.Written
	d.Dropped += p.Dropped
	d.Rejected += p.Rejected
	if d.Causes == nil {
		d.Causes = map[string]int64{}
	}
	for cause, n := range p.Causes {
		d.Causes[cause] += n
	}
}

// errReplaced reports that files were replaced during their replay.
var errReplaced = errors.New("another replay has replaced the same files: start again")

// maxClaims is how many batches are claimed in vain before a replay gives up.
const maxClaims = 20

// decide makes what was staged a batch of the ledger, and publishes it. No
// other replay can have replaced the same files between the reading of all earlier
// batches and the commit: its batch would have a lower number, and be decided.
func (r *replay) decide(ctx context.Context, c *ledger.Commit, old layout.Replacement) error {
	var err error
	if c.Rejects.Data, err = json.Marshal(old); err != nil {
		return err
	}
	for range maxClaims {
		files, last, err := r.settle(ctx)
		if err != nil {
			return err
		}
		exists := map[string]bool{}
		for _, f := range files {
			exists[f.Path] = true
		}
		for _, f := range old.Replaces {
			if !exists[f.Name] {
				return errReplaced
			}
		}
		c.Batch, c.Token = last+1, ""
		if won, err := r.wiring.ledger.Claim(ctx, c.Batch); err != nil {
			return err
		} else if !won {
			continue
		}
		won, err := r.wiring.ledger.Decide(ctx, c)
		if err != nil {
			return err
		}
		if won {
			return r.publish(ctx, c)
		}
	}
	return errors.New("other processes claim every batch: try again later")
}

// publish publishes a batch and records that it is done.
func (r *replay) publish(ctx context.Context, c *ledger.Commit) error {
	if err := layout.Publish(ctx, r.store, r.wiring.ledger.ID(), c); err != nil {
		return fmt.Errorf("publish batch %d: %w", c.Batch, err)
	}
	return r.wiring.ledger.PutDone(ctx, c.Batch)
}

// settle reads the ledger, publishes what is committed, and decides the batches
// that a replay claimed and did not decide as empty ones. It returns the rejected
// files that are not replaced, and the last batch.
func (r *replay) settle(ctx context.Context) (files []ledger.File, last int64, err error) {
	replaced := map[string]bool{}
	for rec, err := range r.wiring.ledger.Batches(ctx) {
		if err != nil {
			return nil, 0, err
		}
		last = rec.Number
		c := rec.Commit
		if c == nil && len(rec.Plan.Ranges) == 0 {
			if c, err = r.commitEmpty(ctx, rec.Number); err != nil {
				return nil, 0, err
			}
		}
		if c == nil {
			continue
		}
		if !rec.Done {
			if err := r.publish(ctx, c); err != nil {
				return nil, 0, err
			}
		}
		files = slices.AppendSeq(files, c.Rejects.All())
		old, err := layout.ReplacementOf(c)
		if err != nil {
			return nil, 0, err
		}
		if old != nil {
			for _, f := range old.Replaces {
				replaced[f.Name] = true
			}
		}
	}
	return slices.DeleteFunc(files, func(f ledger.File) bool { return replaced[f.Path] }), last, nil
}

// commitEmpty decides a batch without ranges as an empty one, and returns the
// commit that won.
func (r *replay) commitEmpty(ctx context.Context, batch int64) (*ledger.Commit, error) {
	c := &ledger.Commit{Batch: batch}
	won, err := r.wiring.ledger.Decide(ctx, c)
	if err != nil || won {
		return c, err
	}
	return r.wiring.ledger.Commit(ctx, batch)
}
