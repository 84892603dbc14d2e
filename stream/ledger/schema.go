package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/skyfinch/skyfinch/internal/token"
)

// schemaChain is a table's chain of schemas, as far as it has been read: record n
// is wider than record n−1.
type schemaChain struct {
	n      int           // the newest record, 0 if none
	schema *arrow.Schema // of record n, nil if none
}

// schemaRecord is one record of a chain: the schema as an Arrow IPC message,
// which any Arrow library reads, and in words.
type schemaRecord struct {
	Table  string   `json:"table"`
	Number int      `json:"number"`
	Token  string   `json:"token"`
	Arrow  []byte   `json:"arrow"`
	CRC32  uint32   `json:"crc32"` // of Arrow (IEEE): Arrow's reader does not check lengths
	Fields []string `json:"fields"`
	Needs  []string `json:"needs,omitempty"` // as in Plan
}

// Widen implements stream.Schemas. It calls merge with the table's schema, nil if
// there is none yet, puts the result as the table's new schema, and returns it.
// If another process widens the table first, merge is called again with the
// wider schema. merge must return its argument itself if that is wide enough. An
// error of merge is returned unchanged.
func (l *Ledger) Widen(ctx context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := l.chain(ctx, table)
	if err != nil {
		return nil, err
	}
	for {
		want, err := merge(c.schema)
		if err != nil || want == c.schema {
			return want, err
		}
		won, err := l.extendChain(ctx, table, c, want)
		if err != nil {
			return nil, err
		}
		if won {
			return c.schema, nil
		}
	}
}

// Schema returns the newest schema of a table, including what other processes
// have put since the last call of Widen. It returns nil if there is none.
func (l *Ledger) Schema(ctx context.Context, table string) (*arrow.Schema, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := l.chain(ctx, table)
	if err == nil {
		err = l.readChain(ctx, table, c)
	}
	if err != nil {
		return nil, err
	}
	return c.schema, nil
}

// SchemaNumber implements stream.SchemaNumberer. It returns the number of the
// newest record of a table's schema chain that this Ledger has read or put, or 0
// if there is none.
func (l *Ledger) SchemaNumber(table string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.tables[table]; c != nil {
		return c.n
	}
	return 0
}

// chain returns a table's chain. The first call reads it to its end.
func (l *Ledger) chain(ctx context.Context, table string) (*schemaChain, error) {
	if c := l.tables[table]; c != nil {
		return c, nil
	}
	c := &schemaChain{}
	if err := l.readChain(ctx, table, c); err != nil {
		return nil, err
	}
	l.tables[table] = c
	return c, nil
}

// readChain reads the records after the newest one that c has.
func (l *Ledger) readChain(ctx context.Context, table string, c *schemaChain) error {
	for {
		name := l.schemaPath(table, c.n+1)
		data, err := l.records.Get(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			_, err = c.append(name, table, data)
		}
		if err != nil {
			return err
		}
	}
}

// extendChain puts the next record, and appends to c the one that then exists. It
// reports whether that is its own.
func (l *Ledger) extendChain(ctx context.Context, table string, c *schemaChain, schema *arrow.Schema) (won bool, err error) {
	var buf bytes.Buffer
	if err := ipc.NewWriter(&buf, ipc.WithSchema(schema)).Close(); err != nil {
		return false, fmt.Errorf("ledger: schema of %s: %w", table, err)
	}
	rec := schemaRecord{Table: table, Number: c.n + 1, Token: token.New(), Arrow: buf.Bytes(), CRC32: crc32.ChecksumIEEE(buf.Bytes())}
	for _, f := range schema.Fields() {
		rec.Fields = append(rec.Fields, f.Name+": "+f.Type.String())
	}
	data, err := json.Marshal(rec)
	if err != nil {
		return false, err
	}
	name := l.schemaPath(table, c.n+1)
	winner, err := l.records.PutIfAbsent(ctx, name, append(data, '\n'))
	if err != nil {
		return false, err
	}
	token, err := c.append(name, table, winner)
	return token == rec.Token, err
}

// append adds the next record to the chain, and returns its token.
func (c *schemaChain) append(name, table string, data []byte) (token string, err error) {
	damaged := func(err error) error { return &DamagedError{Name: name, Err: err} }
	var rec schemaRecord
	if err := json.Unmarshal(data, &rec); err != nil {
		return "", damaged(err)
	}
	if err := checkNeeds(0, name, rec.Needs); err != nil {
		return "", err
	}
	if rec.Table != table || rec.Number != c.n+1 {
		return "", damaged(fmt.Errorf("it is schema %d of table %q", rec.Number, rec.Table))
	}
	if crc32.ChecksumIEEE(rec.Arrow) != rec.CRC32 {
		return "", damaged(errors.New("its checksum is wrong"))
	}
	r, err := ipc.NewReader(bytes.NewReader(rec.Arrow))
	if err != nil {
		return "", damaged(err)
	}
	defer r.Release()
	c.n, c.schema = rec.Number, r.Schema()
	return rec.Token, nil
}

// escapeTable turns a table's path into a unique file name.
var escapeTable = strings.NewReplacer("%", "%25", ".", "%2E", "/", ".")

func (l *Ledger) schemaPath(table string, n int) string {
	return l.path(fmt.Sprintf("schema/%s.%06d", escapeTable.Replace(table), n))
}
