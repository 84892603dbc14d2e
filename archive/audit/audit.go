package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Options says which archive to audit, and how.
type Options struct {
	Dir   string      // of the archive
	Store store.Store // of the archive. If nil, Dir is opened.
	// Source is the archive's source. Run asks it only for its extents, to
	// report what waits there and what is gone. If nil, that is unknown, and an
	// offset that no batch claims is a finding.
	Source stream.Source
	// Repair publishes what is committed and staged, removes from staging what
	// decided batches left there, deletes files that a rewrite has replaced and
	// that are due, and rewrites wrong schema files, as any engine on the ledger
	// may do. Missing and damaged files remain findings.
	Repair bool
	// Deep decodes every value of every file that is read, and verifies the
	// checksums and the statistics, and of compacted files that their rows are
	// those of the files that they replaced.
	Deep bool
	// Since is the Report.Summary of an earlier audit of the archive. If it is
	// not nil, Run reads only the later batches and their files. It compares the
	// names and sizes of the earlier files by one sum over all of them, and
	// still checks over all batches that each offset is in one commit and that
	// there are no holes. It does not find an earlier file that was damaged
	// without a change in size, nor a damaged earlier record of the ledger, and
	// does not verify what a later rewrite states about the rows of an earlier
	// file.
	Since []byte
	// MultiRow allows a batch to have more rows than messages. Set it if a
	// transform makes several rows of one message.
	MultiRow bool
	// Grace is how long the publication of a batch may take. Only what still
	// seems wrong after that is a finding. If zero, it is 5 seconds; if negative,
	// nothing is checked again.
	Grace time.Duration
}

// Run audits an archive. The error reports that the audit could not be done;
// what it found wrong is in the Report.
func Run(ctx context.Context, o Options) (*Report, error) {
	st, err := layout.Open(ctx, o.Store, o.Dir)
	if err != nil {
		return nil, err
	}
	o.Grace = max(0, cmp.Or(o.Grace, 5*time.Second))
	l, err := ledger.Open(ctx, st, layout.Ledger, nil)
	if err != nil {
		return nil, fmt.Errorf("archive: audit of %s: %w", layout.Where(o.Dir), err)
	}
	since, err := parseSummary(o.Since, l.ID())
	if err != nil {
		return nil, fmt.Errorf("archive: audit of %s: %w", layout.Where(o.Dir), err)
	}
	a := &auditor{
		opts: o, store: st, ledger: l,
		report:     &Report{Archive: o.Dir, Ledger: l.ID(), Findings: []Finding{}},
		staged:     map[int64][]string{},
		due:        map[uint64]bool{},
		commits:    map[int64]*ledger.Commit{},
		partitions: partitions{},
		tables:     map[string]*Table{},
	}
	if since != nil {
		a.resume(since)
	}
	if err := a.run(ctx); err != nil {
		return nil, fmt.Errorf("archive: audit of %s: %w", layout.Where(o.Dir), err)
	}
	return a.report, nil
}

// auditor is one run of an audit.
type auditor struct {
	opts   Options
	store  store.Store
	ledger *ledger.Ledger
	report *Report

	// Listed before the ledger is read:
	files  fileSet            // the files under the tables' roots
	staged map[int64][]string // the files in staging, by batch

	last        int64                    // the last batch of the ledger
	settled     int64                    // all batches through this one are decided
	segment     string                   // the history segment of the current batch; empty if the batch has its own records
	commits     map[int64]*ledger.Commit // of the batches in staged; nil if undecided
	partitions  partitions
	tables      map[string]*Table
	due         map[uint64]bool // hashes of listed files that rewrites have replaced, and will delete
	sum         uint64          // the sum of sumOf over the live files
	since       *summary        // of the earlier audit; may be nil
	old         oldFiles        // the files of the batches of since
	summary     *summary        // through settled; nil while all batches are decided
	truncated   bool            // the last batches could not be read
	unexplained []replacement   // of files that were not live
	suspects    []suspect
	overlaps    []overlap
	rejected    int64 // messages, by the accounts

	replacedLater map[string]bool // files replaced after the ledger was read; nil if unknown
}

// run does all checks. Files are listed before the ledger is read: a file gets
// its name after its commit, so a listed file that no commit names is extra. The
// whole ledger is read before the files are, because a later batch may have
// replaced a file.
func (a *auditor) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		a.listStaging, a.listFiles, a.readLedger, a.checkTail, a.explainReplaced, a.checkFiles, a.findExtraFiles,
		a.compareOldFiles, a.checkStaging, a.reportOverlaps, a.checkSchemas, a.recheckSuspects, a.checkRowNumbers, a.clearReplaced,
		a.checkTotals, a.checkOffsets,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return a.fillReport()
}

// fillReport puts the sums into the report.
func (a *auditor) fillReport() (err error) {
	r := a.report
	for _, p := range a.partitions {
		p.setCounts(p.sum)
		r.Partitions = append(r.Partitions, p.Partition)
	}
	slices.SortFunc(r.Partitions, func(a, b Partition) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range a.tables {
		r.Tables = append(r.Tables, *t)
		r.Files += t.Files
	}
	slices.SortFunc(r.Tables, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	if r.OK() {
		a.summary.Pending = a.pending()
		r.Summary, err = json.Marshal(a.summary)
	}
	return err
}
