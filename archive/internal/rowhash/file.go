package rowhash

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/rowfile"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// AddFile adds the rows of a file. The schema is that of its table, or one as wide as
// the file's. If pause is not nil, it is called before each row group is read.
func (s *Sum) AddFile(ctx context.Context, st store.Store, f ledger.File, schema *arrow.Schema, pause func(context.Context) error) error {
	r, err := rowfile.OpenUnordered(ctx, st, f, rowfile.Options{Schema: columns.Views(schema), Mem: memory.DefaultAllocator})
	if err != nil {
		return err
	}
	defer r.Close()
	for at := int64(0); at < f.Rows; {
		if pause != nil {
			if err := pause(ctx); err != nil {
				return err
			}
		}
		n, _, end := r.Block(at)
		rec, err := r.Read(ctx, n)
		if err != nil {
			return err
		}
		err = s.Add(rec)
		rec.Release()
		if err != nil {
			return err
		}
		at = end
	}
	return nil
}
