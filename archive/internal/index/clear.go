package index

import (
	"context"
	"fmt"
	"path"
	"time"
)

// Clear deletes the replaced files that are due. It returns their names, and the last
// batch such that all files that it and earlier ones have replaced are gone.
func (x *Index) Clear(ctx context.Context) (deleted []string, cleared int64, err error) {
	exist := map[string]map[string]bool{} // by directory
	cleared = x.Through()
	for _, p := range x.pending {
		if time.Now().Before(p.Due) {
			cleared = min(cleared, p.Batch-1)
			continue
		}
		dir := path.Dir(p.Name) + "/"
		if exist[dir] == nil {
			exist[dir] = map[string]bool{}
			for e, err := range x.store.List(ctx, dir) {
				if err != nil {
					return deleted, 0, err
				}
				exist[dir][e.Name] = true
			}
		}
		if exist[dir][p.Name] {
			if err := x.Delete(ctx, p.Name, p.Of); err != nil {
				return deleted, 0, err
			}
			deleted = append(deleted, p.Name)
		}
	}
	return deleted, cleared, nil
}

// Delete deletes a file of a batch that another has replaced. The batch is recorded as
// done first: a process that still publishes it would miss the file.
func (x *Index) Delete(ctx context.Context, name string, batch int64) error {
	done, err := x.ledger.Published(ctx, batch)
	if err == nil && !done {
		err = x.ledger.PutDone(ctx, batch)
	}
	if err == nil {
		err = x.store.Delete(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("remove %s, which is replaced: %w", name, err)
	}
	return nil
}
