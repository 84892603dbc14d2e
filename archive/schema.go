package archive

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// schemaFiles keeps beside each table a Parquet file without rows that has the
// table's schema: schema/ztf.parquet. Readers that must be told the schema of
// a table whose files differ take it from there.
type schemaFiles struct {
	stream.Schemas
	store store.Store

	mu      sync.Mutex
	written map[string]*arrow.Schema
}

// Widen implements stream.Schemas: the file is there before any row is written
// with its schema.
func (f *schemaFiles) Widen(ctx context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error) {
	schema, err := f.Schemas.Widen(ctx, table, merge)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.written[table] == schema {
		return schema, nil
	}
	if err := f.write(ctx, path.Base(table), schema); err != nil {
		return nil, fmt.Errorf("archive: schema of %s: %w", table, err)
	}
	if f.written == nil {
		f.written = map[string]*arrow.Schema{}
	}
	f.written[table] = schema
	return schema, nil
}

func (f *schemaFiles) write(ctx context.Context, name string, schema *arrow.Schema) error {
	staged, final := "staging/schema/"+name+"-"+rand.Text()[:10], "schema/"+name+".parquet"
	out, err := f.store.Stage(ctx, staged, final)
	if err != nil {
		return err
	}
	w, err := parquetfile.NewWriter(out, schema, parquetfile.Options{})
	if err == nil {
		err = w.Close()
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return f.store.Publish(ctx, staged, final, w.Size())
}
