package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Compaction merges the small files of directories that have gone quiet into large
// ones. Fill in Dir or Store, and call Run. Its zero fields mean the values of the
// command "archive compact".
//
// A directory's files of less than half of Size are merged if there are at least
// two, into files of about Size at most. Larger files are never read again. If one
// of the small files is larger than all others together by a factor of four, it is
// left out, so that a directory to which rows are added again and again is not
// rewritten each time.
type Compaction struct {
	Dir   string
	Store store.Store // instead of Dir
	// Quiet is the time since the last publication of new rows in a directory.
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
	// Pause, if not nil, is called before each row group. It returns when the work may
	// go on.
	Pause func(ctx context.Context) error
	Log   *slog.Logger // if nil, slog.Default()
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
	if err := c.refresh(ctx); err != nil {
		return err
	}
	if err := c.clear(ctx); err != nil {
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
		if err != nil {
			failed = append(failed, fmt.Errorf("%s/%s: %w", p.table, p.dir, err))
		}
	}
	c.done.Left = 0
	c.observe()
	return errors.Join(failed...)
}

func (c *compactor) observe() {
	if c.Observe != nil {
		c.Observe(c.done)
	}
}

// refresh reads the ledger on, and finishes what processes that died have left.
func (c *compactor) refresh(ctx context.Context) error {
	if err := c.finish(ctx, c.index.Through()+1); err != nil {
		return err
	}
	_, err := c.index.Update(ctx)
	return err
}

// choose returns the files of a directory to be merged.
func (c *compactor) choose(table, dir string) []index.File {
	var small []index.File
	var newest time.Time
	files := c.index.Table(table).Dir(dir)
	for _, f := range files {
		if !f.Compacted && f.Created.After(newest) {
			newest = f.Created
		}
		if f.Bytes < c.size()/2 {
			small = append(small, f)
		}
	}
	if time.Since(newest) < c.Quiet {
		return nil
	}
	switch {
	case len(small) == 1 && (c.Order == CommitOrder || small[0].Compacted), len(small) == 0:
		return nil
	case len(small) > 2:
		largest, total := 0, int64(0)
		for i, f := range small {
			if total += f.Bytes; f.Bytes > small[largest].Bytes {
				largest = i
			}
		}
		if b := small[largest].Bytes; small[largest].Compacted && b > 4*(total-b) && len(files) == len(small) {
			small = slices.Delete(small, largest, largest+1)
		}
	}
	return small
}

func (c *compactor) size() int64 {
	if c.Size > 0 {
		return c.Size
	}
	return defaultSize
}

// compactDir merges the files of a directory, if it is quiet.
func (c *compactor) compactDir(ctx context.Context, table, dir string) error {
	if len(c.choose(table, dir)) == 0 {
		return nil
	}
	free, err := c.reserve(ctx, table, dir)
	if err != nil {
		return err
	}
	if free == nil {
		c.done.Busy++
		return nil
	}
	defer free()
	for range maxConflicts {
		if err := c.refresh(ctx); err != nil {
			return err
		}
		inputs := c.choose(table, dir)
		if len(inputs) == 0 {
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
	defer w.close()
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
	return fmt.Errorf("%w: run the audit; if the file was removed on purpose, prune its directory", err)
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

// reservation says that a process is merging the files of a directory. It saves
// others the work; correctness does not depend on it.
type reservation struct {
	Token   string    `json:"token"`
	Created time.Time `json:"created"`
}

// reservationTime is how long a reservation counts. If the store has locks, those of
// processes that died are swept earlier.
const reservationTime = 10 * time.Minute

// reserve reserves a directory. It returns nil if another process has done so.
func (c *compactor) reserve(ctx context.Context, table, dir string) (free func(), err error) {
	name := layout.Reservations + strings.ReplaceAll(table+"/"+dir, "/", ".")
	mine := reservation{token.New(), time.Now().UTC()}
	data, err := json.Marshal(mine)
	if err != nil {
		return nil, err
	}
	for range 2 {
		stored, err := c.store.PutIfAbsent(ctx, name, data)
		if err != nil {
			return nil, err
		}
		var its reservation
		if err := json.Unmarshal(stored, &its); err == nil && its.Token == mine.Token {
			return func() { _ = c.store.Delete(context.WithoutCancel(ctx), name) }, nil
		}
		if time.Since(its.Created) < reservationTime {
			return nil, nil
		}
		if err := c.store.Delete(ctx, name); err != nil { // its process has died
			return nil, err
		}
	}
	return nil, nil
}
