package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// Schemas keeps the schema of each table, which only ever widens. A Ledger is
// one.
type Schemas interface {
	// Widen gives merge the table's schema, nil if it has none yet, and makes
	// what merge returns the table's schema, before any row is written with
	// it. When another process widened the table first, merge is asked again
	// with the wider schema. merge returns its argument itself when that is
	// wide enough; an error of merge is returned as it is.
	Widen(ctx context.Context, table string, merge func(*arrow.Schema) (*arrow.Schema, error)) (*arrow.Schema, error)
}

var _ Schemas = (*Ledger)(nil)

// chain is a table's schemas: record n is wider than record n−1.
type chain struct {
	n      int
	schema *arrow.Schema
}

// link is one record of a chain: the schema as an Arrow IPC message, which
// any Arrow library reads, and in words.
type link struct {
	Table  string   `json:"table"`
	Number int      `json:"number"`
	Token  string   `json:"token"`
	Arrow  []byte   `json:"arrow"`
	CRC32  uint32   `json:"crc32"` // of Arrow (IEEE): Arrow's reader believes any length
	Fields []string `json:"fields"`
}

// Widen implements Schemas.
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
		won, err := l.extend(ctx, table, c, want)
		if err != nil {
			return nil, err
		}
		if won {
			return c.schema, nil
		}
	}
}

// Schema returns the newest schema of a table, also one that another process
// has put since Widen was asked; nil if the table has none.
func (l *Ledger) Schema(ctx context.Context, table string) (*arrow.Schema, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := l.chain(ctx, table)
	if err == nil {
		err = l.climb(ctx, table, c)
	}
	if err != nil {
		return nil, err
	}
	return c.schema, nil
}

// chain reads a table's chain upward to its newest schema, once.
func (l *Ledger) chain(ctx context.Context, table string) (*chain, error) {
	if c := l.tables[table]; c != nil {
		return c, nil
	}
	c := &chain{}
	if err := l.climb(ctx, table, c); err != nil {
		return nil, err
	}
	l.tables[table] = c
	return c, nil
}

// climb reads the links that are above a chain's newest one.
func (l *Ledger) climb(ctx context.Context, table string, c *chain) error {
	for {
		name := l.linkName(table, c.n+1)
		data, err := l.records.Get(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			_, err = c.follow(name, table, data)
		}
		if err != nil {
			return err
		}
	}
}

// extend puts the next link, follows the one that stands there, and says
// whether that is the one it put.
func (l *Ledger) extend(ctx context.Context, table string, c *chain, schema *arrow.Schema) (won bool, err error) {
	var buf bytes.Buffer
	if err := ipc.NewWriter(&buf, ipc.WithSchema(schema)).Close(); err != nil {
		return false, fmt.Errorf("stream: schema of %s: %w", table, err)
	}
	rec := link{Table: table, Number: c.n + 1, Token: newToken(), Arrow: buf.Bytes(), CRC32: crc32.ChecksumIEEE(buf.Bytes())}
	for _, f := range schema.Fields() {
		rec.Fields = append(rec.Fields, f.Name+": "+f.Type.String())
	}
	data, err := json.Marshal(rec)
	if err != nil {
		return false, err
	}
	name := l.linkName(table, c.n+1)
	stands, err := l.records.PutIfAbsent(ctx, name, append(data, '\n'))
	if err != nil {
		return false, err
	}
	token, err := c.follow(name, table, stands)
	return token == rec.Token, err
}

// follow takes the next link of the chain, and returns its token.
func (c *chain) follow(name, table string, data []byte) (token string, err error) {
	damaged := func(err error) error {
		return Permanent(fmt.Errorf("stream: ledger record %s is damaged: %w", name, err))
	}
	var rec link
	if err := json.Unmarshal(data, &rec); err != nil {
		return "", damaged(err)
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

// tableNames makes one name of a table's path, another for each path.
var tableNames = strings.NewReplacer("%", "%25", ".", "%2E", "/", ".")

func (l *Ledger) linkName(table string, n int) string {
	return path.Join(l.dir, "schema", fmt.Sprintf("%s.%06d", tableNames.Replace(table), n))
}
