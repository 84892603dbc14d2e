package archive

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Replayed is what a replay has done.
type Replayed struct {
	Files    int64 // rejected files that were replaced
	Read     int64 // messages in them
	Chosen   int64 // of these, that were tried again
	Written  int64 // that are alerts now
	Dropped  int64 // that a transform left out
	Rejected int64 // that were rejected again, or not tried
	// Causes counts the messages of these files that stay rejected by their
	// cause, as in stream.Progress.
	Causes map[string]int64
}

// replayRows is how many messages are replayed in one batch of the ledger, but
// for those of the last file.
const replayRows = 100_000

// replayMark sets the names that a replay stages and publishes apart from those
// of the ledger's engines: LEDGER-replay-TOKEN.
const replayMark = "-replay-"

// Replay tries rejected messages again: those whose cause again answers for,
// or all if it is nil. What can be decoded now goes to the tables, filed and
// numbered as it came; the rest stays rejected. Each message is in one of the
// two places, once, whenever the process dies: see the package's doc. The
// Source is not asked for anything, and the Clock is the archive's own.
func (s *Service) Replay(ctx context.Context, again func(cause string) bool) (out Replayed, err error) {
	st, err := openExisting(ctx, s.Store, s.Dir)
	if err != nil {
		return out, err
	}
	unlock, err := s.lock(st, false)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	r, err := s.replay(ctx, st, again)
	if err != nil {
		return out, err
	}
	defer r.close()
	if err := r.run(ctx); err != nil {
		return r.done, fmt.Errorf("archive: replay: %w", err)
	}
	return r.done, nil
}

// replay is one run of Replay.
type replay struct {
	*parts
	service *Service
	st      store.Store
	again   func(cause string) bool
	done    Replayed
}

func (s *Service) replay(ctx context.Context, st store.Store, again func(string) bool) (*replay, error) {
	settings, err := settingsOf(ctx, st)
	if err != nil {
		return nil, err
	}
	clock, err := sink.ParseClock(settings["clock"])
	if err != nil {
		return nil, fmt.Errorf("archive: %s: its ledger has a clock of its own: %w", s.where(), err)
	}
	if again == nil {
		again = func(string) bool { return true }
	}
	p, err := s.parts(ctx, st, clock)
	if err != nil {
		return nil, err
	}
	return &replay{parts: p, service: s, st: st, again: again}, nil
}

// run replays the rejected files, group after group.
func (r *replay) run(ctx context.Context) error {
	live, _, err := r.settle(ctx)
	if err != nil {
		return err
	}
	if err := r.clear(ctx); err != nil {
		return err
	}
	for len(live) > 0 {
		var group []input
		var rows int64
		for len(live) > 0 && rows < replayRows {
			f := live[0]
			live = live[1:]
			n, err := r.chosen(ctx, f)
			if err != nil {
				return err
			}
			if n > 0 {
				group, rows = append(group, input{f, n}), rows+f.Rows
			}
		}
		if err := r.group(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// clear removes what replays that died have staged. The lock, which falls with
// its process and not before, says that none is at work, and settle has
// published what was committed. Without a lock nobody can say that.
func (r *replay) clear(ctx context.Context) error {
	if _, ok := r.st.(store.Locker); !ok {
		return nil
	}
	for e, err := range r.st.List(ctx, stagingDir+r.ledger.ID()+replayMark) {
		if err != nil {
			return err
		}
		if err := r.st.Delete(ctx, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// group replays some rejected files in one batch: their rows are staged first,
// by a job without a ledger of its own, and the batch is claimed, decided and
// published at one go.
func (r *replay) group(ctx context.Context, inputs []input) error {
	if len(inputs) == 0 {
		return nil
	}
	id := stream.BatchID{Ledger: r.ledger.ID() + replayMark + strings.ToLower(rand.Text()[:10]), Number: 1}
	rows, rejects := &held{Sink: r.rows, id: id}, &held{Sink: r.rejects.Parquet, id: id}
	job := &stream.MicroBatch{
		Source: &rejectedSource{st: r.st, inputs: inputs, again: r.again}, Transforms: r.transforms,
		Sink: rows, Rejects: rejects,
		Limits:  stream.Limits{Rows: 1 << 40, Bytes: 1 << 50, InFlight: r.service.Limits.InFlight},
		Workers: r.service.Workers, Log: r.service.Log,
	}
	if err := job.Drain(ctx); err != nil {
		rows.discard(ctx)
		rejects.discard(ctx)
		return err
	}
	p := job.Progress()
	c := &ledger.Commit{Rows: rows.receipt, Rejects: rejects.receipt, Bytes: p.BytesIn, Seconds: p.Elapsed.Seconds()}
	old := replacement{Read: p.Read, Written: p.Written, Rejected: p.Rejected, Dropped: p.Dropped}
	var chosen int64
	for _, in := range inputs {
		old.Replaces = append(old.Replaces, replacedFile{in.Path, in.Rows, in.Bytes})
		chosen += in.chosen
	}
	if p.Written+p.Dropped == 0 { // all are rejected again: they may as well stay where they are
		rejects.discard(ctx)
	} else if err := r.decide(ctx, c, old); err != nil {
		if errors.Is(err, errReplaced) { // after another error the commit may stand
			rows.discard(ctx)
			rejects.discard(ctx)
		}
		return err
	} else {
		r.done.Files += int64(len(inputs))
	}
	r.done.Read, r.done.Chosen = r.done.Read+p.Read, r.done.Chosen+chosen
	r.done.Written, r.done.Dropped, r.done.Rejected = r.done.Written+p.Written, r.done.Dropped+p.Dropped, r.done.Rejected+p.Rejected
	r.done.add(p.Causes)
	return nil
}

func (d *Replayed) add(causes map[string]int64) {
	if d.Causes == nil {
		d.Causes = map[string]int64{}
	}
	for cause, n := range causes {
		d.Causes[cause] += n
	}
}

// errReplaced says that files which were replayed are there no more.
var errReplaced = errors.New("another replay has replaced the same files: start again")

// mostClaims is how often a batch is claimed in vain.
const mostClaims = 20

// decide makes what was staged a batch of the ledger, and publishes it. Between
// the look at all batches before it and its commit nobody can have replaced the
// same files: their batch would have a lower number, and would be decided.
func (r *replay) decide(ctx context.Context, c *ledger.Commit, old replacement) error {
	var err error
	if c.Rejects.Data, err = json.Marshal(old); err != nil {
		return err
	}
	for range mostClaims {
		live, last, err := r.settle(ctx)
		if err != nil {
			return err
		}
		standing := map[string]bool{}
		for _, f := range live {
			standing[f.Path] = true
		}
		for _, f := range old.Replaces {
			if !standing[f.Name] {
				return errReplaced
			}
		}
		c.Batch, c.Token = last+1, ""
		if mine, err := r.ledger.Claim(ctx, c.Batch); err != nil {
			return err
		} else if !mine {
			continue
		}
		mine, err := r.ledger.Decide(ctx, c)
		if err != nil {
			return err
		}
		if mine {
			return r.finish(ctx, c)
		}
	}
	return errors.New("other processes claim every batch: try again later")
}

// finish publishes a batch and writes down that it is done.
func (r *replay) finish(ctx context.Context, c *ledger.Commit) error {
	if err := publish(ctx, r.st, r.ledger.ID(), c); err != nil {
		return fmt.Errorf("publish batch %d: %w", c.Batch, err)
	}
	return r.ledger.PutDone(ctx, c.Batch)
}

// settle reads the ledger, decides batches of nothing that a replay claimed and
// did not decide, and publishes what is committed. It returns the rejected files
// that stand, and the last batch.
func (r *replay) settle(ctx context.Context) (live []stream.File, last int64, err error) {
	gone := map[string]bool{}
	for rec, err := range r.ledger.Batches(ctx) {
		if err != nil {
			return nil, 0, err
		}
		last = rec.Number
		c := rec.Commit
		if c == nil && len(rec.Plan.Ranges) == 0 {
			if c, err = r.void(ctx, rec.Number); err != nil {
				return nil, 0, err
			}
		}
		if c == nil {
			continue
		}
		if !rec.Done {
			if err := r.finish(ctx, c); err != nil {
				return nil, 0, err
			}
		}
		for f := range c.Rejects.All() {
			live = append(live, f)
		}
		old, err := replacementOf(c)
		if err != nil {
			return nil, 0, err
		}
		if old != nil {
			for _, f := range old.Replaces {
				gone[f.Name] = true
			}
		}
	}
	standing := live[:0]
	for _, f := range live {
		if !gone[f.Path] {
			standing = append(standing, f)
		}
	}
	return standing, last, nil
}

// void decides a batch without ranges as one of nothing, unless it is decided.
func (r *replay) void(ctx context.Context, batch int64) (*ledger.Commit, error) {
	c := &ledger.Commit{Batch: batch}
	mine, err := r.ledger.Decide(ctx, c)
	if err != nil || mine {
		return c, err
	}
	return r.ledger.Commit(ctx, batch)
}
