package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Audit proves that an archive is what its ledger says: that each offset is in
// one commit and the accounts add up, that each committed file is there, is
// whole and has its rows, and that no other file is. Fill in Dir or Store and
// call Run. It takes no lock: services may archive meanwhile. What begins or
// ends while the audit looks is looked at again before it is called a fault.
//
// It holds in memory a few words for each partition and 9 bytes for each file;
// the ledger goes by batch by batch.
type Audit struct {
	Dir   string      // of the archive
	Store store.Store // that keeps it; nil: Dir
	// Source is where the messages came from. It is asked what it has, so that
	// the report says what waits there and what is gone. nil: that is unknown,
	// and an offset that nobody has claimed is a finding.
	Source stream.Source
	// Repair makes the audit do what any engine on the ledger might do: publish
	// what is committed, remove from staging what decided batches left there,
	// and what a replay has replaced; and write schema files anew. Nothing else:
	// a file that is missing or damaged is told, for nobody can make it again.
	Repair bool
	// Deep decodes every value of every file.
	Deep bool
	// Splits says that a transform makes several rows of one message, so that a
	// batch may have more rows than messages.
	Splits bool
	// Patience is how long something may be on its way, from its commit to its
	// place, before that is a finding. 0: 5 s; negative: none.
	Patience time.Duration
}

const defaultPatience = 5 * time.Second

// Run does the audit. Its error says that it could not be done; whether all
// holds is what Report.OK says.
func (a *Audit) Run(ctx context.Context) (*Report, error) {
	st, err := openExisting(ctx, a.Store, a.Dir)
	if err != nil {
		return nil, err
	}
	ledger, err := ledger.Open(ctx, st, ledgerDir, nil)
	if err != nil {
		return nil, fmt.Errorf("archive: audit of %s: %w", a.where(), err)
	}
	w := &auditor{
		Audit: a, st: st, ledger: ledger,
		report:    &Report{Archive: a.Dir, Ledger: ledger.ID(), Findings: []Finding{}},
		staged:    map[int64][]string{},
		committed: map[int64]*commit{},
		book:      book{},
		tables:    map[string]*Table{},
		replaced:  map[string]int64{},
	}
	if err := w.run(ctx); err != nil {
		return nil, fmt.Errorf("archive: audit of %s: %w", a.where(), err)
	}
	return w.report, nil
}

const ledgerDir = "ledger"

func (a *Audit) where() string { return cmp.Or(a.Dir, "the store") }

// openExisting opens an archive that is there already.
func openExisting(ctx context.Context, st store.Store, dir string) (store.Store, error) {
	if st == nil && dir == "" {
		return nil, errors.New("archive: a Dir or a Store is needed")
	}
	if st == nil {
		if err := isArchive(dir); err != nil {
			return nil, err
		}
		d, err := store.OpenDir(dir)
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		st = d
	}
	if _, err := settingsOf(ctx, st); err != nil {
		return nil, fmt.Errorf("archive: %s: %w", cmp.Or(dir, "the store"), err)
	}
	return st, nil
}

// settingsOf reads the settings that the first run of the archive fixed.
func settingsOf(ctx context.Context, st store.Store) (map[string]string, error) {
	const name = ledgerDir + "/ledger.json"
	data, err := st.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no archive there: %s is missing: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	var h struct {
		Settings map[string]string `json:"settings"`
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", name, err)
	}
	return h.Settings, nil
}

// auditor is one run of an Audit.
type auditor struct {
	*Audit
	st     store.Store
	ledger *ledger.Ledger
	report *Report

	listed listed             // what stands under the tables' roots, as of before the ledger was read
	staged map[int64][]string // names in the ledger's staging, as of then too

	last      int64             // batch of the ledger
	segment   string            // of history that has the batch in hand; "": it has its own records
	committed map[int64]*commit // of the batches in staged; nil: undecided
	book      book
	tables    map[string]*Table
	replaced  map[string]int64 // rejected files, and the batch that replaced them
	missing   []suspect        // committed files that are not there
	suspects  []suspect
	twice     []twice
	rejected  int64 // by the accounts
	standing  int64 // rows of rejected files that are not replaced
}

// suspect is something that looks wrong.
type suspect struct {
	Finding
	// look reports whether it still does.
	look func(context.Context) (bool, error)
	// mend makes it right, and says what it did; nil: nobody can.
	mend func(context.Context) (string, error)
}

// run looks at everything. The names are listed before the ledger is read: a
// file gets its name after its commit, so one that was listed and that no
// commit names is nobody's.
func (a *auditor) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		a.listStaging, a.list, a.fold, a.tail, a.extras, a.staging, a.namesTwice,
		a.schemas, a.second, a.sums, a.offsets,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	a.fill()
	return nil
}

// fill puts the sums into the report.
func (a *auditor) fill() {
	r := a.report
	for _, p := range a.book {
		r.Partitions = append(r.Partitions, p.Partition)
	}
	slices.SortFunc(r.Partitions, func(a, b Partition) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range a.tables {
		r.Tables = append(r.Tables, *t)
		r.Files += t.Files
	}
	slices.SortFunc(r.Tables, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
}

// second looks again at what seemed wrong, until it no longer does or the
// patience is over. Then it is mended, or a finding.
func (a *auditor) second(ctx context.Context) error {
	for _, m := range a.missing {
		if _, ok := a.replaced[m.Name]; !ok {
			a.suspects = append(a.suspects, m)
		}
	}
	patience := cmp.Or(a.Patience, defaultPatience)
	for wait, end := 20*time.Millisecond, time.Now().Add(patience); ; wait *= 2 {
		if err := a.look(ctx); err != nil {
			return err
		}
		left := time.Until(end)
		if len(a.suspects) == 0 || left <= 0 {
			break
		}
		select {
		case <-time.After(min(wait, left)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, s := range a.suspects {
		if err := a.mend(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// look keeps the suspects that still look wrong.
func (a *auditor) look(ctx context.Context) error {
	kept := a.suspects[:0]
	for _, s := range a.suspects {
		wrong, err := s.look(ctx)
		if err != nil {
			return err
		}
		if wrong {
			kept = append(kept, s)
		}
	}
	a.suspects = kept
	return nil
}

func (a *auditor) mend(ctx context.Context, s suspect) error {
	if a.Repair && s.mend != nil {
		did, err := s.mend(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			a.report.Repairs = append(a.report.Repairs, did)
			return nil
		}
		s.What += fmt.Sprintf("; and it could not be repaired: %v", err)
	}
	a.report.find(s.Finding)
	return nil
}
