package archive

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// schemaFiles keeps beside each table of a sink a Parquet file without rows
// that has the table's schema: schema/ztf.parquet. Readers that must be told
// the schema of a table whose files differ take it from there.
type schemaFiles struct {
	*ledger.Ledger
	store store.Store

	mu      sync.Mutex
	written map[string]*arrow.Schema
}

// schemaStaging is where schema files are staged. It is no ledger's id, so no
// sink sweeps it.
const schemaStaging = "staging/schema/"

// sweep removes what a process that died left in staging.
func (f *schemaFiles) sweep(ctx context.Context) error {
	for e, err := range f.store.List(ctx, schemaStaging) {
		if err != nil {
			return err
		}
		if err := f.store.Delete(ctx, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// Widen implements stream.Schemas: the file is there before any row is written
// with its schema. One call at a time, and the newest schema last, lest an older
// one stay published over a wider one.
func (f *schemaFiles) Widen(ctx context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	schema, err := f.Ledger.Widen(ctx, table, merge)
	if err != nil || f.written[table] == schema {
		return schema, err
	}
	if f.written == nil {
		f.written = map[string]*arrow.Schema{}
	}
	for newest := schema; f.written[table] != newest; { // another process may publish at the same time
		if err := f.write(ctx, schemaFile(table), newest); err != nil {
			return nil, fmt.Errorf("archive: schema of %s: %w", table, err)
		}
		f.written[table] = newest
		if newest, err = f.Schema(ctx, table); err != nil {
			return nil, err
		}
	}
	return schema, nil
}

// schemaFile is where the schema of a sink's table goes: that of alerts/ztf to
// schema/ztf.parquet, that of a table elsewhere below its whole name.
func schemaFile(table string) string {
	table = strings.TrimPrefix(table, "files/")
	return path.Join("schema", strings.TrimPrefix(table, "alerts/")+".parquet")
}

func (f *schemaFiles) write(ctx context.Context, name string, schema *arrow.Schema) error {
	staged := schemaStaging + rand.Text()
	out, err := f.store.Stage(ctx, staged, name)
	if err != nil {
		return err
	}
	defer out.Abort()
	w, err := parquetfile.NewWriter(out, schema, parquetfile.Options{})
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return f.store.Publish(ctx, staged, name, w.Size())
}
