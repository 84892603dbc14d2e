package stream

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
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// snapshot is what the batches from 1 to Through, all of them done, settled. It
// is a function of their records and of nothing else, so that whoever writes it
// writes the same, and one that lands late is as true as ever. The newest is
// that which covers most.
type snapshot struct {
	Version string                   `json:"version"`
	Through int64                    `json:"through"`
	Parts   map[string]snapshotClaim `json:"parts"`
	Begun   []string                 `json:"begun,omitempty"`
}

type snapshotClaim struct {
	Done  [][2]int64 `json:"done,omitempty"`
	Ended bool       `json:"ended,omitempty"`
}

// newSnapshot is the snapshot through a batch.
func newSnapshot(through int64, c *claims) *snapshot {
	s := &snapshot{Version: ledgerVersion, Through: through, Parts: make(map[string]snapshotClaim, len(c.parts))}
	for p, cl := range c.parts {
		x := snapshotClaim{Ended: cl.ended, Done: make([][2]int64, len(cl.done))}
		for i, v := range cl.done {
			x.Done[i] = [2]int64{v.from, v.to}
		}
		s.Parts[p] = x
	}
	s.Begun = slices.Sorted(maps.Keys(c.begun))
	return s
}

// claims are those that the snapshot was made of.
func (s *snapshot) claims() claims {
	c := claims{parts: make(map[string]claim, len(s.Parts))}
	for p, x := range s.Parts {
		cl := claim{ended: x.Ended, done: make([]interval, len(x.Done))}
		for i, v := range x.Done {
			cl.done[i] = interval{v[0], v[1]}
		}
		c.parts[p] = cl
	}
	for _, p := range s.Begun {
		c.owe(p, true)
	}
	return c
}

// period is how many batches are to be done until the next snapshot. One of
// very many partitions costs more, and comes later.
func (c *claims) period() int64 { return max(snapshotPeriod, int64(len(c.parts))/256) }

const snapshotDir = "snapshots/"

func snapshotName(through int64) string { return fmt.Sprintf("%s%012d", snapshotDir, through) }

// putSnapshot makes the snapshot through a batch durable.
func (l *Ledger) putSnapshot(ctx context.Context, s *snapshot) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = l.records.PutIfAbsent(ctx, path.Join(l.dir, snapshotName(s.Through)), pack(data))
	return err
}

// newest returns the newest snapshot, or nil if there is none that covers more
// than the batches through one. What a listing shows is true; and it shows every
// snapshot that was there before it and stays until it ends. That the newer ones
// did stay is seen from the one through which all is known, which would be
// removed before them.
func (l *Ledger) newest(ctx context.Context, through int64) (*snapshot, error) {
	if l.memory != nil {
		return nil, nil
	}
	for range 100 {
		all, err := l.snapshots(ctx)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && all[len(all)-1] > through {
			s, err := l.snapshot(ctx, all[len(all)-1])
			if !errors.Is(err, fs.ErrNotExist) {
				return s, err
			}
			continue
		}
		gone := false
		if through > 0 {
			gone, err = l.absent(ctx, snapshotName(through))
		}
		if err != nil || !gone {
			return nil, err
		}
	}
	return nil, Permanent(&DamagedError{through, path.Join(l.dir, snapshotName(through)), errors.New("it vanished, and no newer one is there")})
}

// snapshots lists the last batches under the snapshots that there are.
func (l *Ledger) snapshots(ctx context.Context) (through []int64, err error) {
	err = l.list(ctx, snapshotDir, func(name string) {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 && snapshotDir+name == snapshotName(n) {
			through = append(through, n)
		}
	})
	slices.Sort(through)
	return through, err
}

// list calls f for each name in a directory of the ledger, without that.
func (l *Ledger) list(ctx context.Context, dir string, f func(name string)) error {
	prefix := l.dir + "/" + dir
	for e, err := range l.records.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if name := strings.TrimPrefix(e.Name, prefix); !strings.Contains(name, "/") {
			f(name)
		}
	}
	return nil
}

func (l *Ledger) snapshot(ctx context.Context, through int64) (*snapshot, error) {
	name := path.Join(l.dir, snapshotName(through))
	data, err := l.records.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	s := new(snapshot)
	raw, err := unpack(data)
	if err == nil {
		err = json.Unmarshal(raw, s)
	}
	if err == nil && (s.Through != through || s.Version != ledgerVersion) {
		err = fmt.Errorf("it is one of version %q through batch %d", s.Version, s.Through)
	}
	if err != nil {
		return nil, Permanent(&DamagedError{through, name, err})
	}
	return s, nil
}

// pack compresses a record, always in the same way.
func pack(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data) // a buffer takes all
	z.Close()
	return b.Bytes()
}

func unpack(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// truncate removes what a snapshot has made needless: the records of batches
// under the newest one, once history has them, and older snapshots. Any process
// may do so, at any time; where another is at it too, one of them gives up.
func (l *Ledger) truncate(ctx context.Context) error {
	all, err := l.snapshots(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	through := all[len(all)-1]
	if err := l.archive(ctx, through); err != nil {
		return err
	}
	var old []string
	err = l.list(ctx, "", func(name string) {
		if n, ok := batchOf(name); ok && n <= through {
			old = append(old, name)
		}
	})
	for _, name := range old {
		err = cmp.Or(err, l.records.Delete(ctx, path.Join(l.dir, name)))
	}
	for _, n := range all[:max(0, len(all)-keepSnapshots)] { // the oldest first: see newest
		if err == nil {
			err = l.records.Delete(ctx, path.Join(l.dir, snapshotName(n)))
		}
	}
	return err
}

// keepSnapshots is how many snapshots are kept: a process that was stopped within
// a listing can still see what is newest, unless it stood still for as many.
const keepSnapshots = 8

// batchOf is the batch that a record of the ledger belongs to.
func batchOf(name string) (int64, bool) {
	number, _, ok := strings.Cut(name, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	return n, ok && err == nil && n > 0
}
