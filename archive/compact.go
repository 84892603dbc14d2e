package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Compaction merges the small files of directories that have gone quiet into large
// ones. Fill in Dir or Store, and call Run.
//
// A directory's files of less than half of Size are merged if there are at least
// two, into files of about Size: from two thirds of it to one and a half. Larger files
// are never read again. A compacted file that is more than four times as large as all
// others together is left out, so that a directory to which rows are added again and
// again is not rewritten each time.
// So a directory whose files fit into Size has at most two afterwards, and a second
// run changes nothing.
type Compaction struct {
	Dir   string
	Store store.Store // instead of Dir
	// Quiet is how long ago the last new rows of a directory must have been published. If
	// zero, every directory is merged.
	Quiet time.Duration
	// Order is the order of the rows in each new file.
	Order Order
	// Size is the size of a new file, in bytes. If zero, it is 512 MB.
	Size int64
	// Grace is how long replaced files remain after the new ones are published, for
	// readers that list directories before they open files. Until then they see the
	// rows twice.
	Grace       time.Duration
	Compression sink.Compression
	// Memory bounds the rows in memory, in bytes, and so the row groups. If zero, it
	// is 128 MiB.
	Memory int64
	// Workers is the number of goroutines that encode columns. If zero, it is
	// runtime.GOMAXPROCS(0).
	Workers int
	// Spill is a local directory for rows that are to be sorted and exceed Memory. If
	// empty, it is Dir/staging or, without Dir, os.TempDir().
	Spill string
	// Observe, if not nil, is called after each directory and from time to time during
	// one, not concurrently.
	Observe func(Compacted)
	// Pause, if not nil, is called before each row group is written or verified. It
	// returns when the work may go on.
	Pause func(ctx context.Context) error
}

// Compacted is what a compaction has done.
type Compacted struct {
	Dirs     int64 // directories whose files were merged
	Left     int64 // directories that remain to be looked at
	Files    int64 // files that were merged
	NewFiles int64 // files that they became
	Rows     int64 // in these
	Bytes    int64 // of the merged files
	NewBytes int64 // of the new files
	Merged   int64 // bytes of the files of a directory that is being merged, as far as they are
	Deleted  int64 // replaced files that were deleted, those of earlier compactions included
	Busy     int64 // directories left to other processes
}

const defaultSize = 512e6

// Run merges what there is to merge. If files of some directories are damaged or
// missing, it does the other directories, and returns errors that name the files.
// Any number of processes may compact an archive, while services and replays work on
// it. If the process dies, the next run continues.
func (c *Compaction) Run(ctx context.Context) (out Compacted, err error) {
	r, err := c.open(ctx)
	if err != nil {
		return out, err
	}
	unlock, err := r.begin(ctx)
	if err != nil {
		return out, fmt.Errorf("archive: compact: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := r.run(ctx); err != nil {
		return r.done, fmt.Errorf("archive: compact: %w", err)
	}
	return r.done, nil
}

// compactor is one run of a Compaction.
type compactor struct {
	rewriter
	*Compaction
	index   *index.Index
	cleared int64
	done    Compacted
}

func (c *Compaction) open(ctx context.Context) (*compactor, error) {
	st, err := layout.Open(ctx, c.Store, c.Dir)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(ctx, st, layout.Ledger, nil)
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", layout.Where(c.Dir), err)
	}
	x, err := index.OpenToSave(ctx, st, l)
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", layout.Where(c.Dir), err)
	}
	return &compactor{rewriter: rewriter{st, l}, Compaction: c, index: x}, nil
}

func (c *compactor) run(ctx context.Context) error {
	if err := c.refresh(ctx, true); err != nil {
		return err
	}
	if err := c.clear(ctx); err != nil {
		return err
	}
	if err := c.sweepOld(ctx, c.index.Through()); err != nil {
		return err
	}
	type place struct{ table, dir string }
	var places []place
	for _, table := range c.index.Tables() {
		if table == layout.Rejected {
			continue
		}
		files := c.index.Table(table).Files
		for i, f := range files {
			if i == 0 || files[i-1].Dir != f.Dir {
				places = append(places, place{table, f.Dir})
			}
		}
	}
	var failed []error
	for i, p := range places {
		c.done.Left = int64(len(places) - i)
		err := c.compactDir(ctx, p.table, p.dir)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var in *inputError
		if err != nil && !errors.As(err, &in) {
			return errors.Join(append(failed, fmt.Errorf("%s/%s: %w", p.table, p.dir, err))...)
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	c.done.Left = 0
	c.observe()
	if n := len(failed) - maxNamed; n > 0 {
		failed = append(failed[:maxNamed], fmt.Errorf("and files of %d more directories", n))
	}
	return errors.Join(failed...)
}

// maxNamed is how many files that cannot be read an error names.
const maxNamed = 10

// inputError reports a file that cannot be merged. Other directories can.
type inputError struct {
	name string
	err  error
}

// Error says what is wrong with the file, and what to do.
func (e *inputError) Error() string {
	text := e.name + ": " + e.err.Error()
	var damaged *rowfile.DamagedError
	switch {
	case errors.Is(e.err, fs.ErrNotExist):
		text += ": restore it from a copy; if it was removed on purpose, prune its directory"
	case errors.As(e.err, &damaged):
		text += ": restore it from a copy"
	}
	return text
}

// Unwrap returns the cause.
func (e *inputError) Unwrap() error { return e.err }

func (c *compactor) observe() {
	if c.Observe != nil {
		c.Observe(c.done)
	}
}

// refresh reads the ledger on, and finishes what processes that died have left. If wait
// is true, it waits for batches that are being published.
func (c *compactor) refresh(ctx context.Context, wait bool) error {
	if err := c.finish(ctx, c.index.Through()+1, wait); err != nil {
		return err
	}
	_, err := c.index.Update(ctx)
	return err
}

func (c *compactor) size() int64 {
	if c.Size > 0 {
		return c.Size
	}
	return defaultSize
}

// compactDir merges the files of a directory, if it is quiet.
func (c *compactor) compactDir(ctx context.Context, table, dir string) error {
	inputs := c.choose(table, dir)
	if len(inputs) == 0 {
		return nil
	}
	free, err := c.reserve(ctx, table+"/"+dir, totalBytes(inputs))
	if err != nil {
		return err
	}
	if free == nil {
		c.done.Busy++
		return nil
	}
	defer free()
	for range maxConflicts {
		if err := c.refresh(ctx, false); err != nil {
			return err
		}
		if inputs = c.choose(table, dir); len(inputs) == 0 {
			return nil
		}
		err := c.rewrite(ctx, table, dir, inputs)
		var other *ledger.ReplacedError
		if !errors.As(err, &other) && !errors.Is(err, errReplaced) {
			return err
		}
	}
	return nil // others work here
}

// maxConflicts is how often another rewrite may replace files of a directory while
// they are being merged, before they are left to it.
const maxConflicts = 3

var errReplaced = errors.New("a file was replaced meanwhile")

// rewrite merges files of a directory.
func (c *compactor) rewrite(ctx context.Context, table, dir string, inputs []index.File) (err error) {
	schema, err := c.ledger.Schema(ctx, sink.SchemaPrefix+table)
	if err == nil && schema == nil {
		err = fmt.Errorf("the ledger has no schema of %s", table)
	}
	if err != nil {
		return err
	}
	w := &merger{
		compactor: c, table: table, dir: dir, schema: schema, number: c.ledger.SchemaNumber(sink.SchemaPrefix + table), inputs: inputs,
		id: fmt.Sprintf("%s%s%012d-%s", c.ledger.ID(), layout.RewriteMark, c.index.Through(), token.New()[:10]),
	}
	defer func() { w.close(); c.done.Merged = 0 }()
	if err := w.merge(ctx); err != nil {
		w.remove(ctx)
		if errors.Is(err, fs.ErrNotExist) {
			return c.explainMissing(ctx, inputs, err)
		}
		return err
	}
	commit := &ledger.Commit{
		Rows:  ledger.Receipt{Files: w.files},
		Bytes: totalBytes(inputs), Seconds: time.Since(w.begun).Seconds(),
		Replaces: &ledger.Replacement{Base: c.index.Through(), Files: replacedFiles(inputs), Cleared: c.cleared, RowsHash: w.read.String()},
	}
	if c.Grace > 0 {
		commit.Replaces.Due = time.Now().Add(c.Grace).UTC()
	}
	if err := c.ledger.Rewrite(ctx, commit, nil); err != nil {
		var other *ledger.ReplacedError
		if errors.As(err, &other) { // after another error the commit may exist
			w.remove(ctx)
		}
		return err
	}
	if err := c.publish(ctx, commit); err != nil {
		return err
	}
	c.done.Dirs++
	c.done.Files += int64(len(inputs))
	c.done.Bytes += totalBytes(inputs)
	for _, f := range w.files {
		c.done.NewFiles++
		c.done.Rows += f.Rows
		c.done.NewBytes += f.Bytes
	}
	if c.Grace == 0 {
		for _, f := range inputs {
			if err := c.index.Delete(ctx, f.Path, f.Batch); err != nil {
				return err
			}
		}
	}
	c.observe()
	return nil
}

// explainMissing returns errReplaced if another rewrite has replaced one of the files.
func (c *compactor) explainMissing(ctx context.Context, inputs []index.File, err error) error {
	for _, f := range inputs {
		if batch, err := replacing(ctx, c.ledger, c.index.Through(), f.Path); batch > 0 || err != nil {
			return cmp.Or(err, errReplaced)
		}
	}
	return err
}

func totalBytes(files []index.File) (n int64) {
	for _, f := range files {
		n += f.Bytes
	}
	return n
}

func replacedFiles(files []index.File) (out []ledger.ReplacedFile) {
	for _, f := range files {
		out = append(out, ledger.ReplacedFile{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes})
	}
	return out
}

func (c *compactor) clear(ctx context.Context) (err error) {
	deleted, cleared, err := c.index.Clear(ctx)
	c.done.Deleted, c.cleared = int64(len(deleted)), cleared
	return err
}
