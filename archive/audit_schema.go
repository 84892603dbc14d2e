package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
)

// schemas compares the schema file of each table with the table's schema in
// the ledger.
func (a *auditor) schemas(ctx context.Context) error {
	for _, table := range slices.Sorted(maps.Keys(a.tables)) {
		if table == rejectedTable {
			continue
		}
		name := schemaFile(table)
		want, err := a.tableSchema(ctx, table)
		if err != nil {
			a.report.find(Finding{Kind: BadRecord, Name: ledgerDir + "/schema", What: fmt.Sprintf("schema of table %s: %v", table, err),
				Do: "bring it back from a copy"})
			continue
		}
		if want == nil {
			a.report.find(Finding{Kind: BadRecord, Name: ledgerDir + "/schema", What: fmt.Sprintf("there is no schema of table %s, which has files", table),
				Do: "bring it back from a copy"})
			continue
		}
		a.suspect(Finding{Kind: StaleSchema, Name: name, What: "is missing, or not the schema of table " + table,
			Do: "start the archive, or audit -repair"},
			func(ctx context.Context) (bool, error) {
				if want, err = a.tableSchema(ctx, table); err != nil { // it may have widened
					return false, err
				}
				same, err := a.hasSchema(ctx, name, want)
				return !same, err
			},
			func(ctx context.Context) (string, error) {
				_, err := (&schemaFiles{Ledger: a.ledger, store: a.st}).Widen(ctx, "files/"+table, func(have *arrow.Schema) (*arrow.Schema, error) { return have, nil })
				return "wrote " + name, err
			})
	}
	return nil
}

// tableSchema returns the schema that the ledger has of a table's files, nil
// if it has none.
func (a *auditor) tableSchema(ctx context.Context, table string) (s *arrow.Schema, err error) {
	return a.ledger.Schema(ctx, "files/"+table)
}

// hasSchema compares a schema file with what it would be if it were written
// now: Parquet does not keep everything that an Arrow schema says.
func (a *auditor) hasSchema(ctx context.Context, name string, want *arrow.Schema) (bool, error) {
	var buf bytes.Buffer
	w, err := parquetfile.NewWriter(&buf, want, parquetfile.Options{})
	if err != nil {
		return false, err
	}
	if err := w.Close(); err != nil {
		return false, err
	}
	r, err := a.st.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer r.Close()
	expected, err := inspect.Schema(bytes.NewReader(buf.Bytes()))
	if err != nil {
		return false, err
	}
	have, err := inspect.Schema(r)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err == nil && have.Equal(expected), nil
}
