package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strings"

	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// listed is a set of names, of which it keeps the hashes.
type listed struct {
	hashes []uint64
	named  []bool // by a commit
}

func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// mark notes that a commit names a file. It reports whether one did before.
func (l *listed) mark(name string) (before bool) {
	i, ok := slices.BinarySearch(l.hashes, hash(name))
	if !ok {
		return false
	}
	before, l.named[i] = l.named[i], true
	return before
}

// nobodys reports whether a listed file is named by no commit.
func (l *listed) nobodys(name string) bool {
	i, ok := slices.BinarySearch(l.hashes, hash(name))
	return ok && !l.named[i]
}

// roots are where nothing but committed files may be.
var roots = []string{"alerts/", "rejected/"}

// list takes down the names of all files under the tables' roots.
func (a *auditor) list(ctx context.Context) error {
	for _, root := range roots {
		for e, err := range a.st.List(ctx, root) {
			if err != nil {
				return err
			}
			a.listed.hashes = append(a.listed.hashes, hash(e.Name))
		}
	}
	slices.Sort(a.listed.hashes)
	a.listed.named = make([]bool, len(a.listed.hashes))
	return nil
}

// extras finds the files that no commit names. Their names were not kept, so
// the roots are listed once more if there are any.
func (a *auditor) extras(ctx context.Context) error {
	if !slices.Contains(a.listed.named, false) {
		return nil
	}
	do := "move it out of the archive: readers see its rows"
	if a.report.has(BadRecord) {
		do = "mend the ledger's records first: one of them may name it"
	}
	for _, root := range roots {
		for e, err := range a.st.List(ctx, root) {
			if err != nil {
				return err
			}
			if a.listed.nobodys(e.Name) {
				a.suspect(Finding{Kind: ExtraFile, Name: e.Name, What: "no commit names this file",
					Do: do}, a.there(e.Name), nil)
			}
		}
	}
	return nil
}

// mostSuspects is how many suspects are kept; beyond, they are found guilty at
// once.
const mostSuspects = 100_000

func (a *auditor) suspect(f Finding, look func(context.Context) (bool, error), mend func(context.Context) (string, error)) {
	if len(a.suspects) >= mostSuspects {
		a.report.find(f)
		return
	}
	a.suspects = append(a.suspects, suspect{f, look, mend})
}

// there looks whether a file is there.
func (a *auditor) there(name string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) { return a.stands(ctx, name) }
}

func (a *auditor) stands(ctx context.Context, name string) (bool, error) {
	r, err := a.st.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, r.Close()
}

// files looks at the files of a commit.
func (a *auditor) files(ctx context.Context, c *ledger.Commit) error {
	var staged []stream.File
	for _, r := range []stream.Receipt{c.Rows, c.Rejects} {
		for f := range r.All() {
			if a.listed.mark(f.Path) {
				a.report.find(Finding{Kind: Duplicate, Name: f.Path, Batch: c.Batch, What: "two commits name this file",
					Do: "see who wrote " + a.record(c.Batch, "commit")})
			}
			a.count(f, 1)
			wrong, err := a.file(ctx, c, f)
			if err != nil {
				return err
			}
			if wrong {
				staged = append(staged, f)
			}
		}
	}
	for f := range c.Rejects.All() {
		a.standing += f.Rows
	}
	if len(staged) > 0 {
		a.unpublished(c, staged)
	}
	return nil
}

// count adds a file to its table's sums, or takes it out.
func (a *auditor) count(f stream.File, n int64) {
	t := a.tables[f.Table]
	if t == nil {
		t = &Table{Name: f.Table}
		a.tables[f.Table] = t
	}
	t.Files += n
	t.Rows += n * f.Rows
	t.Bytes += n * f.Bytes
}

// file looks at a committed file, and reports whether it is still staged.
func (a *auditor) file(ctx context.Context, c *ledger.Commit, f stream.File) (staged bool, err error) {
	there, err := a.check(ctx, c.Batch, f)
	if err != nil || there {
		return false, err
	}
	if staged, err = a.inStaging(ctx, f.StagedPath); err != nil || staged {
		return staged, err
	}
	if len(a.missing) >= mostSuspects && !strings.HasPrefix(f.Path, rejectedTable+"/") { // those may have been replaced
		a.report.More++
		return false, nil
	}
	a.missing = append(a.missing, suspect{
		Finding: Finding{Kind: MissingFile, Name: f.Path, Batch: c.Batch,
			What: fmt.Sprintf("is not there; batch %d committed %d rows, %d bytes", c.Batch, f.Rows, f.Bytes), Do: "bring it back from a copy"},
		look: func(ctx context.Context) (bool, error) {
			there, err := a.check(ctx, c.Batch, f) // it may have been published since
			return !there, err
		},
	})
	return false, nil
}

// check compares a file with what was committed, and reports whether there is
// one.
func (a *auditor) check(ctx context.Context, batch int64, f stream.File) (there bool, err error) {
	r, err := a.st.Open(ctx, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		defer r.Close()
		err = whole(r, f, inspect.Options{Deep: a.Deep})
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		a.report.find(Finding{Kind: CorruptFile, Name: f.Path, Batch: batch,
			What: fmt.Sprintf("is not what batch %d committed: %v", batch, err), Do: "bring it back from a copy"})
	}
	return true, nil
}

// whole compares a file with its entry in the commit.
func whole(r inspect.File, f stream.File, o inspect.Options) error {
	if r.Size() != f.Bytes {
		return fmt.Errorf("%d bytes, not %d", r.Size(), f.Bytes)
	}
	info, err := inspect.Check(r, o)
	if err != nil {
		return err
	}
	if info.Rows != f.Rows {
		return fmt.Errorf("%d rows, not %d", info.Rows, f.Rows)
	}
	return nil
}

// inStaging looks whether a staged file is there. A store need not open it.
func (a *auditor) inStaging(ctx context.Context, name string) (bool, error) {
	for e, err := range a.st.List(ctx, name) {
		if err != nil {
			return false, err
		}
		if e.Name == name {
			return true, nil
		}
	}
	return false, nil
}

// unpublished suspects a batch of not having been published.
func (a *auditor) unpublished(c *ledger.Commit, files []stream.File) {
	a.suspect(Finding{Kind: Unpublished, Name: files[0].Path, Batch: c.Batch,
		What: fmt.Sprintf("is committed and staged, with %d of its files in all, and batch %d is not published", len(files), c.Batch),
		Do:   "start the archive, or audit -repair"},
		func(ctx context.Context) (bool, error) {
			for _, f := range files {
				there, err := a.stands(ctx, f.Path)
				if err != nil {
					return false, err
				}
				if !there {
					staged, err := a.inStaging(ctx, f.StagedPath)
					if err != nil || staged {
						return staged, err
					}
				}
			}
			return false, a.recheck(ctx, c, files)
		},
		func(ctx context.Context) (string, error) {
			if err := publish(ctx, a.st, a.ledger.ID(), c); err != nil {
				return "", err
			}
			return fmt.Sprintf("published batch %d: %d files, the first is %s", c.Batch, len(files), files[0].Path), a.recheck(ctx, c, files)
		})
}

// recheck looks at files that have been published while the audit looked.
func (a *auditor) recheck(ctx context.Context, c *ledger.Commit, files []stream.File) error {
	for _, f := range files {
		there, err := a.check(ctx, c.Batch, f)
		if err != nil {
			return err
		}
		if _, replaced := a.replaced[f.Path]; !there && !replaced {
			a.report.find(Finding{Kind: MissingFile, Name: f.Path, Batch: c.Batch,
				What: fmt.Sprintf("is not there; batch %d committed %d rows, %d bytes", c.Batch, f.Rows, f.Bytes), Do: "bring it back from a copy"})
		}
	}
	return nil
}

// replaces takes the files that a replay replaced out of the sums, and sees
// that they are gone.
func (a *auditor) replaces(ctx context.Context, c *ledger.Commit, old *replacement) error {
	for _, f := range old.Replaces {
		if by, ok := a.replaced[f.Name]; ok {
			a.report.find(Finding{Kind: Duplicate, Name: f.Name, Batch: c.Batch,
				What: fmt.Sprintf("batches %d and %d both replace it: its messages are there twice", by, c.Batch), Do: "report this as a bug"})
		}
		a.replaced[f.Name] = c.Batch
		a.count(stream.File{Table: rejectedTable, Rows: f.Rows, Bytes: f.Bytes}, -1)
		a.standing -= f.Rows
		there, err := a.stands(ctx, f.Name)
		if err != nil {
			return err
		}
		if there {
			a.suspect(Finding{Kind: Leftover, Name: f.Name, Batch: c.Batch,
				What: fmt.Sprintf("batch %d has replaced it, and it is still there: its messages are seen twice", c.Batch),
				Do:   "start the archive, or audit -repair"}, a.there(f.Name), a.removal(c, f.Name))
		}
	}
	return nil
}

// removal removes a file that has been replaced, if what replaces it stands.
func (a *auditor) removal(c *ledger.Commit, name string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		for _, r := range []stream.Receipt{c.Rows, c.Rejects} {
			for f := range r.All() {
				there, err := a.stands(ctx, f.Path)
				if err != nil {
					return "", err
				}
				if _, replaced := a.replaced[f.Path]; !there && !replaced {
					return "", fmt.Errorf("%s, which replaces it, is not there", f.Path)
				}
			}
		}
		return fmt.Sprintf("removed %s, which batch %d has replaced", name, c.Batch), a.st.Delete(ctx, name)
	}
}

// rejectedTable is the table of the rejected messages.
const rejectedTable = "rejected"
