package layout

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// SchemaFiles is a stream.Schemas that keeps schemas in a ledger and writes copies
// of them for readers: schema/ztf.parquet has the schema of the table alerts/ztf,
// and no rows.
type SchemaFiles struct {
	Ledger *ledger.Ledger
	Store  store.Store

	mu      sync.Mutex
	written map[string]*arrow.Schema
}

// SchemaStaging is where schema files are staged. It does not belong to a
// ledger, so no sink sweeps it.
const SchemaStaging = Staging + "/schema/"

// Sweep removes what a process that died has staged.
func (f *SchemaFiles) Sweep(ctx context.Context) error {
	return DeleteAll(ctx, f.Store, SchemaStaging)
}

// DeleteAll deletes all entries whose names begin with prefix.
func DeleteAll(ctx context.Context, st store.Records, prefix string) error {
	for e, err := range st.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if err := st.Delete(ctx, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// Widen implements stream.Schemas. It writes the file before it returns, hence
// before any row is written with the schema. Calls are serialized, and the newest
// schema is written last, so that no older one replaces it.
func (f *SchemaFiles) Widen(ctx context.Context, name string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	schema, err := f.Ledger.Widen(ctx, name, merge)
	if err != nil || f.written[name] == schema {
		return schema, err
	}
	if f.written == nil {
		f.written = map[string]*arrow.Schema{}
	}
	table := strings.TrimPrefix(name, sink.SchemaPrefix)
	for newest := schema; f.written[name] != newest; { // another process may publish at the same time
		err := f.write(ctx, SchemaFile(table), newest)
		if errors.Is(err, fs.ErrNotExist) { // a service that started has swept it
			err = f.write(ctx, SchemaFile(table), newest)
		}
		if err != nil {
			return nil, fmt.Errorf("archive: schema of %s: %w", name, err)
		}
		f.written[name] = newest
		if newest, err = f.Ledger.Schema(ctx, name); err != nil {
			return nil, err
		}
	}
	return schema, nil
}

// SchemaNumber implements stream.SchemaNumberer.
func (f *SchemaFiles) SchemaNumber(name string) int { return f.Ledger.SchemaNumber(name) }

// Rewrite writes the schema file of a table anew.
func (f *SchemaFiles) Rewrite(ctx context.Context, table string) error {
	_, err := f.Widen(ctx, sink.SchemaPrefix+table, func(have *arrow.Schema) (*arrow.Schema, error) { return have, nil })
	return err
}

// SchemaFile returns the path of a table's schema file: schema/ztf.parquet for
// alerts/ztf, schema/TABLE.parquet for a table outside of alerts.
func SchemaFile(table string) string {
	return path.Join("schema", strings.TrimPrefix(table, Alerts+"/")+".parquet")
}

func (f *SchemaFiles) write(ctx context.Context, name string, schema *arrow.Schema) error {
	data, err := EncodeSchema(schema)
	if err != nil {
		return err
	}
	if hints, ok := f.Store.(store.Hinter); ok {
		return hints.PutHint(ctx, name, data)
	}
	staged := SchemaStaging + rand.Text()
	out, err := f.Store.Stage(ctx, staged, name)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := out.Write(data); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return f.Store.Publish(ctx, staged, name, int64(len(data)))
}

// EncodeSchema returns the content of a schema file.
func EncodeSchema(schema *arrow.Schema) ([]byte, error) {
	var buf bytes.Buffer
	w, err := parquetfile.NewWriter(&buf, schema, parquetfile.Options{})
	if err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}
