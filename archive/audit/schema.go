package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/sink"
)

// checkSchemas compares the schema file of each table with the table's schema
// in the ledger.
func (a *auditor) checkSchemas(ctx context.Context) error {
	for _, table := range slices.Sorted(maps.Keys(a.tables)) {
		if table == layout.Rejected {
			continue
		}
		schema, err := a.ledger.Schema(ctx, sink.SchemaPrefix+table)
		if err == nil && schema == nil {
			err = errors.New("it is missing, but the table has files")
		}
		if err != nil {
			a.report.find(Finding{Kind: BadRecord, Name: layout.Ledger + "/schema", What: fmt.Sprintf("schema of table %s: %v", table, err), Do: restore})
			continue
		}
		file := layout.SchemaFile(table)
		a.suspect(Finding{Kind: StaleSchema, Name: file, What: "is missing, or not the schema of table " + table, Do: restart},
			func(ctx context.Context) (bool, error) {
				want, err := a.ledger.Schema(ctx, sink.SchemaPrefix+table) // it may have widened
				if err != nil {
					return false, err
				}
				same, err := a.hasSchema(ctx, file, want)
				return !same, err
			},
			func(ctx context.Context) (string, error) {
				return "wrote " + file, (&layout.SchemaFiles{Ledger: a.ledger, Store: a.store}).Rewrite(ctx, table)
			})
	}
	return nil
}

// hasSchema reports whether a schema file is what it would be if it were
// written now. Parquet does not keep all of an Arrow schema.
func (a *auditor) hasSchema(ctx context.Context, name string, want *arrow.Schema) (bool, error) {
	data, err := layout.EncodeSchema(want)
	if err != nil {
		return false, err
	}
	expected, err := inspect.Schema(bytes.NewReader(data))
	if err != nil {
		return false, err
	}
	r, err := a.store.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer r.Close()
	have, err := inspect.Schema(r)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err == nil && have.Equal(expected), nil
}
