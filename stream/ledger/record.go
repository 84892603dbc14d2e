package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Plan claims ranges for a batch. It is written once and never changed.
type Plan struct {
	Batch   int64     `json:"batch"`
	Token   string    `json:"token"` // of the writer: distinguishes equal plans
	Created time.Time `json:"created"`
	Ranges  []Range   `json:"ranges,omitempty"`
	// Starts records where reading begins in partitions that this plan is the
	// first to name, unless that is their oldest offset and a range of the plan
	// begins there.
	Starts []Start `json:"starts,omitempty"`
	// Limit is the maximum number of offsets that an attempt may cover, because the
	// ranges may hold a message that kills its reader. If zero, there is no limit.
	Limit int64 `json:"limit,omitempty"`
	// Needs names the features of the format without which the record must not be
	// read; see FeatureError.
	Needs []string `json:"needs,omitempty"`
}

// Start is where the reading of a partition begins. The offsets [At−Skipped, At)
// are skipped: a new ledger may begin at another offset than the oldest.
type Start struct {
	Partition string `json:"partition"`
	At        int64  `json:"at"`
	Skipped   int64  `json:"skipped"`
}

// Commit decides a batch: these offsets were read, and these files hold their
// rows. It is written once and never changed.
type Commit struct {
	Batch   int64     `json:"batch"`
	Token   string    `json:"token"` // of the attempt that staged the files
	Created time.Time `json:"created"`
	// Accounts covers each planned range or a prefix of it. The offsets that are
	// left out may be planned again.
	Accounts []Account `json:"accounts,omitempty"`
	Rows     Receipt   `json:"rows"`
	Rejects  Receipt   `json:"rejects"`
	// Limit is the most offsets that the attempt was allowed to cover, because
	// earlier ones had died. If zero, there was no limit.
	Limit int64 `json:"limit,omitempty"`
	Bytes int64 `json:"bytes"` // of the messages read
	// Seconds is the duration of the attempt. Reading, transforming and writing
	// overlap, so there is one figure.
	Seconds float64 `json:"seconds"`
	// Replaces names the files of earlier batches whose rows are now in the
	// files of this one, if the batch is a rewrite.
	Replaces *Replacement `json:"replaces,omitempty"`
	Needs    []string     `json:"needs,omitempty"` // as in Plan
}

// Replacement is what a rewrite replaces, such as small files by a large one.
// Readers must ignore the replaced files, which are deleted later.
type Replacement struct {
	Base  int64          `json:"base"` // the last batch that the rewrite had read when it began
	Files []ReplacedFile `json:"files"`
	// Due is when the replaced files may be deleted. If zero, it is as soon as the
	// batch is published.
	Due time.Time `json:"due,omitzero"`
	// Cleared is a batch such that all files which it and earlier batches have
	// replaced no longer existed when the rewrite began, or 0.
	Cleared int64 `json:"cleared,omitempty"`
	// Pruned reports that the rows of the replaced files were removed on purpose.
	// The batch has no files.
	Pruned bool `json:"pruned,omitempty"`
	// RowsHash is the sum of the hashes of the replaced rows in hexadecimal, which
	// is also that of the rows in the files of the batch. If empty, it is unknown.
	RowsHash string `json:"rows_hash,omitempty"`
}

// ReplacedFile is a file as an earlier batch committed it.
type ReplacedFile struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// doneRecord is a hint that a batch has been published. If it is missing, any
// process may publish the batch again.
type doneRecord struct {
	Batch   int64     `json:"batch"`
	Created time.Time `json:"created"`
	Needs   []string  `json:"needs,omitempty"` // as in Plan
}

// recordKind is the extension of a record's name.
type recordKind string

const (
	kindPlan   recordKind = "plan"
	kindCommit recordKind = "commit"
	kindDone   recordKind = "done"
)

// recordName returns the name of a batch's record within the ledger.
func recordName(batch int64, kind recordKind) string {
	return fmt.Sprintf("%012d.%s", batch, kind)
}

// recordBatch returns the batch that a record belongs to by its name within the
// ledger's directory, and whether it belongs to one.
func recordBatch(name string) (batch int64, ok bool) {
	number, _, ok := strings.Cut(name, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	return n, ok && err == nil && n > 0
}

// parse returns the record that data holds. If this version lacks a feature that
// the record needs, the error is a *FeatureError.
func parse[T Plan | Commit | doneRecord](batch int64, name string, data []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, &DamagedError{Batch: batch, Name: name, Err: err}
	}
	if c, ok := any(v).(*Commit); ok {
		c.restoreReplaces()
	}
	return v, checkRecord(batch, name, v)
}

// features are the features that this version has.
var features = []string{featureReplaces}

// checkRecord returns an error if this version cannot work with a record.
func checkRecord(batch int64, name string, record any) error {
	var needs []string
	switch v := record.(type) {
	case *Plan:
		needs = v.Needs
	case *doneRecord:
		needs = v.Needs
	case *Commit:
		needs = v.Needs
		if err := v.Replaces.check(v.Batch); err != nil {
			return &DamagedError{Batch: batch, Name: name, Err: err}
		}
	}
	return checkNeeds(batch, name, needs)
}

// checkNeeds returns an error if this version lacks a feature.
func checkNeeds(batch int64, name string, needs []string) error {
	for _, f := range needs {
		if !slices.Contains(features, f) {
			return &FeatureError{Batch: batch, Name: name, Feature: f}
		}
	}
	return nil
}
