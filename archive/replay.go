package archive

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
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
// last file. It is a variable for tests.
var replayRows int64 = 100_000

// Replay tries rejected messages again: those whose cause choose accepts, or
// all if choose is nil. A message that can be decoded now goes to its table
// with its own topic, partition, offset and time; the others stay rejected.
// Each message is in one of the two places once, even if the process dies: see
// the package's doc. Services and other replays may work on the archive at the
// same time. Replay does not use Job.Source, and takes the Clock from the
// archive.
func (s *Service) Replay(ctx context.Context, choose func(cause string) bool) (out Replayed, err error) {
	st, err := layout.Open(ctx, s.Store, s.Dir)
	if err != nil {
		return out, err
	}
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
	r := &replay{service: s, wiring: w, rewriter: rewriter{st, records}, choose: choose, handled: map[string]bool{}}
	if err := r.run(ctx); err != nil {
		return r.done, fmt.Errorf("archive: replay: %w", err)
	}
	return r.done, nil
}

// replay is one run of Replay.
type replay struct {
	service  *Service
	wiring   *wiring
	rewriter rewriter
	choose   func(cause string) bool
	base     int64           // the batches through this one have been read
	handled  map[string]bool // files that this run has replayed, or that others have replaced since settle
	done     Replayed
}

// run replays the rejected files, group by group.
func (r *replay) run(ctx context.Context) (err error) {
	unlock, err := r.rewriter.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	files, err := r.settle(ctx)
	for err == nil {
		var group []input
		if group, files, err = r.nextGroup(ctx, files); err == nil {
			if len(group) == 0 {
				return nil
			}
			err = r.replayFiles(ctx, group)
		}
		var replaced *ledger.ReplacedError
		if errors.As(err, &replaced) || errors.Is(err, fs.ErrNotExist) {
			files, err = r.filesWithout(ctx, group, err)
		}
	}
	return err
}

// nextGroup takes the files of the next batch from the front of files. If there
// is an error, the group is the file that it is of.
func (r *replay) nextGroup(ctx context.Context, files []ledger.File) (group []input, rest []ledger.File, err error) {
	for rows := int64(0); len(files) > 0 && rows < replayRows; files = files[1:] {
		f := files[0]
		if r.handled[f.Path] {
			continue
		}
		n, err := r.countChosen(ctx, f)
		if err != nil {
			return []input{{f, n}}, nil, err
		}
		if n > 0 {
			group, rows = append(group, input{f, n}), rows+f.Rows
		}
	}
	return group, files, nil
}

// filesWithout returns the remaining rejected files if a group failed because
// another replay has replaced one of its files. Otherwise it returns the error.
func (r *replay) filesWithout(ctx context.Context, group []input, failed error) ([]ledger.File, error) {
	files, err := r.settle(ctx)
	if err != nil {
		return nil, err
	}
	live := map[string]bool{}
	for _, f := range files {
		live[f.Path] = true
	}
	for _, in := range group {
		if !live[in.Path] {
			return files, nil
		}
	}
	return nil, failed
}

// replayFiles replays some rejected files in one batch. A job with a ledger in
// memory stages their rows first; then the batch is claimed, decided and published.
func (r *replay) replayFiles(ctx context.Context, inputs []input) error {
	id := stream.BatchID{Ledger: fmt.Sprintf("%s%s%012d-%s", r.wiring.ledger.ID(), layout.RewriteMark, r.base, strings.ToLower(rand.Text()[:10])), Number: 1}
	rows, rejects := &stagingSink{files: r.wiring.rows, id: id}, &stagingSink{files: r.wiring.rejects.Parquet, id: id}
	remove := func() {
		rows.remove(ctx)
		rejects.remove(ctx)
	}
	given := &r.service.Job
	job := &stream.MicroBatch{
		Source: &rejectedSource{store: r.rewriter.store, inputs: inputs, choose: r.choose}, Transforms: r.wiring.transforms,
		Sink: rows, Rejects: rejects,
		Limits:  stream.Limits{Rows: 1 << 40, Bytes: 1 << 50, InFlight: given.Limits.InFlight},
		Workers: given.Workers, Log: given.Log,
	}
	if err := job.Drain(ctx); err != nil {
		remove()
		return err
	}
	p := job.Progress()
	old := layout.Replay{Read: p.Read, Written: p.Written, Rejected: p.Rejected, Dropped: p.Dropped}
	for _, in := range inputs {
		old.Replaces = append(old.Replaces, ledger.ReplacedFile{Name: in.Path, Rows: in.Rows, Bytes: in.Bytes})
	}
	if p.Written+p.Dropped == 0 { // all are rejected again: the files stay
		rejects.remove(ctx)
	} else {
		c := &ledger.Commit{Rows: rows.receipt, Rejects: rejects.receipt, Bytes: p.BytesIn, Seconds: p.Elapsed.Seconds()}
		if err := r.decide(ctx, c, old); err != nil {
			var replaced *ledger.ReplacedError
			if errors.As(err, &replaced) { // after another error the commit may exist
				remove()
			}
			return err
		}
		r.done.Files += int64(len(inputs))
	}
	for _, in := range inputs {
		r.handled[in.Path] = true
		r.done.Chosen += in.chosen
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

// decide makes what was staged a batch of the ledger, and publishes it.
func (r *replay) decide(ctx context.Context, c *ledger.Commit, old layout.Replay) error {
	var err error
	if c.Rejects.Data, err = json.Marshal(old); err != nil { // which the first release reads
		return err
	}
	c.Replaces = &ledger.Replacement{Base: r.base, Files: old.Replaces}
	if err := r.wiring.ledger.Rewrite(ctx, c, func(b ledger.Batch) error { return r.checkReplaced(b, old.Replaces) }); err != nil {
		return err
	}
	r.base = c.Batch
	return r.rewriter.publish(ctx, c)
}

// checkReplaced notes which files a batch after r.base has replaced: the next
// groups must not have them. It returns an error if they include one of the given
// files, which Rewrite does not see in commits of the first release.
func (r *replay) checkReplaced(b ledger.Batch, files []ledger.ReplacedFile) error {
	if b.Commit == nil {
		return nil
	}
	replaced, _, err := layout.ReplacedBy(b.Commit)
	if err != nil {
		return err
	}
	for _, f := range replaced {
		r.handled[f.Name] = true
		if slices.ContainsFunc(files, func(g ledger.ReplacedFile) bool { return g.Name == f.Name }) {
			return &ledger.ReplacedError{File: f.Name, Batch: b.Number}
		}
	}
	return nil
}

// settle reads the ledger, publishes what is committed, and resolves undecided
// rewrites. It sets r.base to the last batch before the first one that an engine
// has not decided, and returns the rejected files of the batches through r.base
// that no batch has replaced.
func (r *replay) settle(ctx context.Context) (files []ledger.File, err error) {
	replaced := map[string]bool{}
	undecided := false
	for b, err := range r.wiring.ledger.Batches(ctx, 1) {
		if err != nil {
			return nil, err
		}
		if b.Commit == nil && b.Plan.IsRewrite() {
			if b.Commit, err = r.wiring.ledger.Resolve(ctx, b.Number); err != nil {
				return nil, err
			}
		}
		if b.Commit == nil {
			undecided = true
			continue
		}
		if !b.Done {
			if err := r.rewriter.publish(ctx, b.Commit); err != nil {
				return nil, err
			}
		}
		if !undecided {
			r.base = b.Number
			for _, r := range []ledger.Receipt{b.Commit.Rows, b.Commit.Rejects} {
				for f := range r.All() {
					if strings.HasPrefix(f.Path, layout.Rejected+"/") {
						files = append(files, f)
					}
				}
			}
		}
		old, _, err := layout.ReplacedBy(b.Commit)
		if err != nil {
			return nil, err
		}
		for _, f := range old {
			replaced[f.Name] = true
		}
	}
	return slices.DeleteFunc(files, func(f ledger.File) bool { return replaced[f.Path] }), nil
}
