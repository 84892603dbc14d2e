package ledger

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Snapshot holds what the batches from 1 through Through, all of them done,
// have settled. It is a function of their records alone, so that any process
// writes the same snapshot, and one written late is still valid. The newest
// snapshot is the one that covers the most batches.
//
// Records of a batch that a snapshot covers must be ignored: the original ones
// may have been removed, and others put since.
type Snapshot struct {
	Version string             `json:"version"`
	Through int64              `json:"through"`
	Settled map[string]Settled `json:"parts"` // by partition
	// Unfinished lists the partitions that a plan named with an unknown end and
	// that have not been read to their end.
	Unfinished []string `json:"begun,omitempty"`
	Needs      []string `json:"needs,omitempty"` // as in Plan
}

// Settled holds the settled offsets of one partition.
type Settled struct {
	Ranges [][2]int64 `json:"done,omitempty"`  // [from, to), disjoint and ascending
	Ended  bool       `json:"ended,omitempty"` // the partition has been read to its final end
}

const (
	snapshotDir = "snapshots/"

	// keptSnapshots is how many snapshots Truncate keeps, so that a process that
	// is stopped during a listing can still find the newest one, unless that many
	// are put meanwhile.
	keptSnapshots = 8
)

func snapshotName(through int64) string { return fmt.Sprintf("%s%012d", snapshotDir, through) }

// PutSnapshot puts a snapshot. The caller must have found all batches that it
// covers done. If the ledger is in memory, it does nothing.
func (l *Ledger) PutSnapshot(ctx context.Context, s Snapshot) error {
	if l.memory != nil {
		return nil
	}
	s.Version = version
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = l.records.PutIfAbsent(ctx, l.path(snapshotName(s.Through)), compress(data))
	return err
}

// Snapshot returns the newest snapshot, or nil if it covers no batch after known,
// which is the last batch of a snapshot that the caller has seen, or 0.
//
// A listing may miss snapshots that are put or removed while it runs, but not
// one that exists throughout. Older snapshots are removed first, so if the
// known one still exists after the listing, so did all newer ones.
func (l *Ledger) Snapshot(ctx context.Context, known int64) (*Snapshot, error) {
	if l.memory != nil {
		return nil, nil
	}
	for range 100 {
		all, err := l.listSnapshots(ctx)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && all[len(all)-1] > known {
			s, err := l.getSnapshot(ctx, all[len(all)-1])
			if !errors.Is(err, fs.ErrNotExist) {
				return s, err
			}
			continue
		}
		if known == 0 {
			return nil, nil
		}
		if _, err := l.records.Get(ctx, l.path(snapshotName(known))); !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, &DamagedError{known, l.path(snapshotName(known)), errors.New("it vanished, but there is no newer one")}
}

// listSnapshots returns the last batch of each snapshot, in ascending order.
func (l *Ledger) listSnapshots(ctx context.Context) (through []int64, err error) {
	err = l.list(ctx, snapshotDir, func(name string, _ int64) {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 && snapshotDir+name == snapshotName(n) {
			through = append(through, n)
		}
	})
	slices.Sort(through)
	return through, err
}

// covered reports whether a snapshot covers a batch.
func (l *Ledger) covered(ctx context.Context, batch int64) (bool, error) {
	through, err := l.listSnapshots(ctx)
	return len(through) > 0 && through[len(through)-1] >= batch, err
}

// list calls f with the name and size of each record directly in a directory of
// the ledger, or in the ledger's own if dir is "".
func (l *Ledger) list(ctx context.Context, dir string, f func(name string, size int64)) error {
	prefix := l.path(dir) + "/"
	for e, err := range l.records.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if name := strings.TrimPrefix(e.Name, prefix); !strings.Contains(name, "/") {
			f(name, e.Size)
		}
	}
	return nil
}

func (l *Ledger) getSnapshot(ctx context.Context, through int64) (*Snapshot, error) {
	name := l.path(snapshotName(through))
	data, err := l.records.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	s := new(Snapshot)
	raw, err := decompress(data)
	if err == nil {
		err = json.Unmarshal(raw, s)
	}
	if err == nil && (s.Through != through || s.Version != version) {
		err = fmt.Errorf("it has version %q and ends with batch %d", s.Version, s.Through)
	}
	if err != nil {
		return nil, &DamagedError{through, name, err}
	}
	return s, checkNeeds(through, name, s.Needs)
}

// compress compresses a record. Equal records give equal bytes.
func compress(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data) // a bytes.Buffer returns no error
	z.Close()
	return b.Bytes()
}

func decompress(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Truncate moves the records of the batches that the newest snapshot covers into
// history, and removes old snapshots. Any process may call it at any time; if two
// do so at once, one may get an error, which is harmless. After an error, the
// next call continues. If the ledger is in memory, Truncate does nothing.
func (l *Ledger) Truncate(ctx context.Context) error {
	if l.memory != nil {
		return nil
	}
	all, err := l.listSnapshots(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	through := all[len(all)-1]
	if err := l.moveToHistory(ctx, through); err != nil {
		return err
	}
	var old []string
	err = l.list(ctx, "", func(name string, _ int64) {
		if n, ok := recordBatch(name); ok && n <= through {
			old = append(old, name)
		}
	})
	for _, name := range old { // also after an error
		err = cmp.Or(err, l.records.Delete(ctx, l.path(name)))
	}
	for _, n := range all[:max(0, len(all)-keptSnapshots)] { // the oldest first: see Snapshot
		if err != nil {
			return err
		}
		err = l.records.Delete(ctx, l.path(snapshotName(n)))
	}
	return err
}
