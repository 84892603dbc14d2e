package sink

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Compression is how Parquet pages are compressed. Cutouts that do not shrink,
// such as gzipped ones, are stored as they are.
type Compression int

// The compressions.
const (
	Zstd Compression = iota
	Snappy
	None
)

var compressionNames = [...]string{Zstd: "zstd", Snappy: "snappy", None: "none"}

// ParseCompression returns the compression called zstd, snappy or none.
func ParseCompression(name string) (Compression, error) {
	for c, n := range compressionNames {
		if n == name {
			return Compression(c), nil
		}
	}
	return 0, fmt.Errorf("sink: no compression %q: use zstd, snappy or none", name)
}

// String returns the compression's name.
func (c Compression) String() string {
	if !c.valid() {
		return fmt.Sprintf("Compression(%d)", int(c))
	}
	return compressionNames[c]
}

func (c Compression) valid() bool { return c >= 0 && int(c) < len(compressionNames) }

func (c Compression) codec() parquetfile.Codec {
	return [...]parquetfile.Codec{Zstd: parquetfile.Zstd, Snappy: parquetfile.Snappy, None: parquetfile.None}[c]
}

// Parquet writes each table into Parquet files by the hour:
//
//	TABLE/YYYY/MM/dd/hh/<ledger id>-<batch>-<n>.parquet
//
// A batch puts one file into each directory that it has rows for, two if the
// table's schema widened on the way. A file holds its rows in the order they
// came in. Its columns are those of all rows that came before it was begun;
// rows that lack one have null there.
type Parquet struct {
	Store store.Store
	// Staging is the directory for staged files. All sinks that use the store
	// may share it: a file's name in it carries the ledger, the batch, the
	// attempt and the sink. Empty: "staging".
	Staging string
	// Schemas keeps the schema of each table's files, usually in the ledger,
	// as files/TABLE. No row is written with a column that it does not hold;
	// a type that conflicts with it is an error. nil: only the rows of one
	// batch must agree.
	Schemas     stream.Schemas
	Clock       Clock
	Compression Compression
	// Memory bounds the rows held before they are written, in bytes; 0: 64 MiB.
	// It is also the size of the largest row groups, and at most 1 GiB.
	Memory int64
	// Spill is a local directory for rows of batches that touch so many hours
	// that Memory cannot hold a row group of each. Empty: os.TempDir, which
	// should not be a directory in memory.
	Spill string
	// Workers is how many goroutines encode columns. 0: one a core.
	Workers int
}

const defaultMemory = 64 << 20

// Stage implements stream.Sink.
func (p *Parquet) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	if err := p.check(); err != nil {
		return stream.Receipt{}, err
	}
	w := &writer{
		Parquet: p, ctx: ctx, batch: b, memory: min(p.Memory, maxMemory), now: time.Now(),
		tag:   strings.ToLower(rand.Text()[:8]),
		parts: map[place]*part{},
		tables: tables{
			options: parquetfile.Options{Codec: p.Compression.codec(), Workers: p.Workers},
			chains:  p.Schemas, byName: map[string]*tableSchema{},
		},
	}
	if w.memory <= 0 {
		w.memory = defaultMemory
	}
	defer w.release()
	if err := w.stage(); err != nil {
		w.discard()
		return stream.Receipt{}, err
	}
	return stream.Receipt{Files: w.files}, nil
}

func (p *Parquet) check() error {
	switch {
	case p.Store == nil:
		return permanentf("Parquet needs a Store")
	case !p.Clock.valid():
		return permanentf("no %v", p.Clock)
	case !p.Compression.valid():
		return permanentf("no %v", p.Compression)
	}
	return nil
}

// Publish implements stream.Sink.
func (p *Parquet) Publish(ctx context.Context, _ stream.BatchID, r stream.Receipt) error {
	if len(r.Parts) > 0 {
		return foreign(fmt.Sprintf("a tee of %d sinks", len(r.Parts)), "Parquet")
	}
	if len(r.Data) > 0 {
		return foreign("another sink", "Parquet")
	}
	for _, f := range r.Files {
		if err := p.Store.Publish(ctx, f.StagedPath, f.Path, f.Bytes); err != nil {
			return fmt.Errorf("sink: publish %s: %w", f.Path, err)
		}
	}
	return nil
}

// Sweep implements stream.Sweeper.
func (p *Parquet) Sweep(ctx context.Context, id stream.BatchID) error {
	for entry, err := range p.Store.List(ctx, p.stagingOf(id)+"/") {
		if err != nil {
			return err
		}
		if err := p.Store.Delete(ctx, entry.Name); err != nil {
			return err
		}
	}
	return nil
}

func (p *Parquet) stagingOf(id stream.BatchID) string {
	dir := p.Staging
	if dir == "" {
		dir = "staging"
	}
	return path.Join(dir, id.Ledger, fmt.Sprintf("%012d", id.Number))
}
