package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/internal/interval"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// summary is what an audit without findings has verified: the batches 1 to Through,
// all of them published, and their files. As JSON it is Report.Summary.
type summary struct {
	Version    int                `json:"version"`
	Ledger     string             `json:"ledger"`  // its id
	Through    int64              `json:"through"` // the last batch
	Created    time.Time          `json:"created"`
	Replays    int64              `json:"replays"`
	Replayed   int64              `json:"replayed"`
	Rewrites   int64              `json:"rewrites"`
	Pruned     int64              `json:"pruned,omitempty"`
	Rejected   int64              `json:"rejected"` // messages, by the accounts
	Partitions []summaryPartition `json:"partitions"`
	Tables     []Table            `json:"tables"`
	Sum        uint64             `json:"sum,string"` // the sum of sumOf over the live files
	// Pending holds hashes of the names of replaced files that still existed.
	Pending []string `json:"pending,omitempty"`
}

const summaryVersion = 1

// summaryPartition is one partition of a summary.
type summaryPartition struct {
	ledger.Account            // of all commits; the range is from the start to the end
	Skipped        int64      `json:"skipped,omitempty"`
	Settled        [][2]int64 `json:"settled"`
	Overtaken      [][2]int64 `json:"overtaken,omitempty"`
}

// summarize sets a.summary to what has been read so far.
func (a *auditor) summarize() {
	s := &summary{
		Version: summaryVersion, Ledger: a.ledger.ID(), Through: a.settled, Created: time.Now().UTC(),
		Replays: a.report.Replays, Replayed: a.report.Replayed, Rewrites: a.report.Rewrites, Pruned: a.report.Pruned, Rejected: a.rejected, Sum: a.sum,
	}
	for _, name := range slices.Sorted(maps.Keys(a.partitions)) {
		p := a.partitions[name]
		acc := p.sum
		acc.Range, acc.End = ledger.Range{Partition: name, From: p.Start, To: p.End}, p.Ended
		saved := summaryPartition{Account: acc, Skipped: p.Skipped, Settled: pairs(p.settled)}
		for _, hole := range p.holes() {
			for both := range p.overtaken.Overlaps(hole) {
				saved.Overtaken = append(saved.Overtaken, [2]int64{both.From, both.To})
			}
		}
		s.Partitions = append(s.Partitions, saved)
	}
	for _, name := range slices.Sorted(maps.Keys(a.tables)) {
		s.Tables = append(s.Tables, *a.tables[name])
	}
	a.summary = s
}

func pairs(s interval.Set) (out [][2]int64) {
	for _, i := range s {
		out = append(out, [2]int64{i.From, i.To})
	}
	return out
}

func setOf(pairs [][2]int64) (s interval.Set) {
	for _, p := range pairs {
		s.Add(interval.Interval{From: p[0], To: p[1]})
	}
	return s
}

// partitions returns the partitions of the summary.
func (s *summary) partitions() partitions {
	ps := partitions{}
	for _, saved := range s.Partitions {
		p := ps.get(saved.Partition)
		p.start(saved.From)
		p.End, p.Ended, p.Skipped, p.sum = saved.To, saved.End, saved.Skipped, saved.Account
		p.settled, p.overtaken = setOf(saved.Settled), setOf(saved.Overtaken)
	}
	return ps
}

// parseSummary returns the summary in Options.Since, or nil if there is none.
func parseSummary(data []byte, ledger string) (*summary, error) {
	if data == nil {
		return nil, nil
	}
	s := new(summary)
	err := json.Unmarshal(data, s)
	switch {
	case err != nil || s.Version == 0:
		return nil, errors.New("the given summary is not that of an audit: audit without it")
	case s.Version != summaryVersion:
		return nil, fmt.Errorf("the given summary has version %d, not %d: audit without it", s.Version, summaryVersion)
	case s.Ledger != ledger:
		return nil, fmt.Errorf("the given summary is of the ledger %s, not %s: it belongs to another archive", s.Ledger, ledger)
	}
	return s, nil
}

// resume initializes the auditor with what an earlier audit has verified.
func (a *auditor) resume(s *summary) {
	a.since, a.last, a.settled = s, s.Through, s.Through
	a.partitions = s.partitions()
	a.rejected, a.sum = s.Rejected, s.Sum
	r := a.report
	r.Batches, r.Replays, r.Replayed, r.Rewrites, r.Pruned = s.Through, s.Replays, s.Replayed, s.Rewrites, s.Pruned
	a.old = oldFiles{sum: s.Sum, replaced: map[uint64]struct{}{}, pending: map[string]bool{}}
	for _, t := range s.Tables {
		a.tables[t.Name] = &t
		a.old.files += t.Files
	}
	for _, h := range s.Pending {
		a.old.pending[h] = true
	}
	r.note("the batches through %d and their files were audited at %s, and are not read again", s.Through, s.Created.Format(time.RFC3339))
}

// oldFiles holds the files of the batches of a summary.
type oldFiles struct {
	files    int64               // the number of files that should exist
	sum      uint64              // the sum of sumOf over them
	replaced map[uint64]struct{} // hashes of those replaced since, and not listed
	pending  map[string]bool     // summary.Pending
}

// replace removes a file that a later batch replaces. It reports false if the
// file has been replaced before.
func (o *oldFiles) replace(s *fileSet, f ledger.ReplacedFile) bool {
	h := hash(f.Name)
	if i, ok := slices.BinarySearch(s.names, h); ok {
		if s.marks[i]&stateBits != unnamed {
			return false
		}
		s.marks[i] |= replaced
	} else if _, ok := o.replaced[h]; ok {
		return false
	} else {
		o.replaced[h] = struct{}{}
	}
	o.files--
	o.sum -= sumOf(h, sizeDigest(f.Bytes))
	return true
}

func hashText(h uint64) string { return fmt.Sprintf("%016x", h) }

// compareOldFiles compares the listed files that no later batch names with those
// of the summary.
func (a *auditor) compareOldFiles(context.Context) error {
	if a.since == nil || a.truncated {
		return nil
	}
	var files int64
	var sum uint64
	for i, h := range a.files.names {
		if a.files.marks[i]&stateBits != unnamed {
			continue
		}
		if a.old.pending[hashText(h)] {
			a.report.Pending++
			continue
		}
		files++
		sum += sumOf(h, a.files.marks[i]&^stateBits)
	}
	if files != a.old.files || sum != a.old.sum {
		a.report.find(Finding{Kind: BadSum, Name: "the files of the batches through " + fmt.Sprint(a.since.Through),
			What: fmt.Sprintf("there are %d of them, and should be %d; or their names or sizes have changed", files, a.old.files),
			Do:   "audit without -since to learn which"})
	}
	return nil
}

// pending returns hashes of the listed files whose deletion is due: those that
// replays replaced are gone.
func (a *auditor) pending() (out []string) {
	for i, h := range a.files.names {
		state := a.files.marks[i] & stateBits
		if text := hashText(h); a.due[h] || state == unnamed && a.old.pending[text] {
			out = append(out, text)
		}
	}
	return out
}
