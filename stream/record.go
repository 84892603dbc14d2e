package stream

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Plan claims ranges for a batch. It is written once, and never changed.
type Plan struct {
	Batch   int64     `json:"batch"`
	Token   string    `json:"token"` // of the writer: tells its record from an equal one
	Created time.Time `json:"created"`
	Ranges  []Range   `json:"ranges,omitempty"`
	// Starts records where partitions begin that the plan names first and
	// that do not begin at their oldest offset or are not read yet.
	Starts []Start `json:"starts,omitempty"`
	// Limit is how many offsets an attempt is to cover at most, because what
	// stands here may hold a message that kills its reader. 0: all.
	Limit int64 `json:"limit,omitempty"`
}

// Start is where the reading of a partition begins, by choice of whoever
// started the ledger. The offsets [At−Skipped, At) are not wanted.
type Start struct {
	Partition string `json:"partition"`
	At        int64  `json:"at"`
	Skipped   int64  `json:"skipped"`
}

// Commit decides a batch: these offsets were read, these files hold their
// rows. It is written once, and never changed.
type Commit struct {
	Batch   int64     `json:"batch"`
	Token   string    `json:"token"` // of the attempt that staged the files
	Created time.Time `json:"created"`
	// Accounts covers the planned ranges or a prefix of each; what it leaves
	// out is free to be claimed again.
	Accounts []Account `json:"accounts,omitempty"`
	Rows     Receipt   `json:"rows"`
	Rejects  Receipt   `json:"rejects"`
	// Limit is how many offsets the attempt was to cover, where earlier ones
	// had died and it was cut short. 0: all.
	Limit int64 `json:"limit,omitempty"`
	Bytes int64 `json:"bytes"` // of messages read
	// Seconds that the attempt took. Reading, transforming and writing
	// overlap, so there is one figure.
	Seconds float64 `json:"seconds"`
}

// Done is a hint that a batch has been published in full. Where it is missing,
// anybody publishes the batch again.
type Done struct {
	Batch   int64     `json:"batch"`
	Created time.Time `json:"created"`
}

// recordKind is the ending of a ledger record's name.
type recordKind string

const (
	kindPlan   recordKind = "plan"
	kindCommit recordKind = "commit"
	kindDone   recordKind = "done"
)

// recordName is the name of a batch's record in its ledger.
func recordName(batch int64, kind recordKind) string {
	return fmt.Sprintf("%012d.%s", batch, kind)
}

// parse reads a record that the ledger holds.
func parse[T Plan | Commit | Done](batch int64, name string, data []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, Permanent(&DamagedError{batch, name, err})
	}
	return v, nil
}

// newToken returns a name that nobody else has.
func newToken() string { return strings.ToLower(rand.Text()[:16]) }
