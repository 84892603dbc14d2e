package sink

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Compression is how Parquet pages are compressed. Cutouts that do not shrink,
// such as gzipped ones, are always stored uncompressed.
type Compression int

// The compressions.
const (
	Zstd   = Compression(parquetfile.Zstd)
	Snappy = Compression(parquetfile.Snappy)
	None   = Compression(parquetfile.None)
)

var compressionNames = []string{Zstd: "zstd", Snappy: "snappy", None: "none"}

// ParseCompression returns the compression named zstd, snappy or none.
func ParseCompression(name string) (Compression, error) {
	return parseName[Compression]("compression", compressionNames, name)
}

// String returns the compression's name.
func (c Compression) String() string { return nameOf("Compression", compressionNames, c) }

func (c Compression) valid() bool { return c >= Zstd && c <= None }

// Parquet writes each table to hourly Parquet files:
//
//	TABLE/YYYY/MM/dd/hh/<ledger id>-<batch>-<n>.parquet
//
// A batch adds one file to each directory that it has rows for, or two if the
// table's schema is widened during the batch.
type Parquet struct {
	Store store.Store
	// Staging is the directory for staged files. If empty, it is "staging". All
	// sinks of a store may share it: the path of a staged file names the ledger,
	// the batch, the attempt and the sink.
	Staging string
	// Schemas keeps the schema of each table's files, under the table's name
	// after SchemaPrefix; usually it is the ledger. Each column is added to the
	// schema before a row with it is written, and a conflicting type is an
	// error. If nil, types may conflict between batches.
	Schemas     stream.Schemas
	Clock       Clock
	Compression Compression
	// Stats names top-level columns of numbers, strings or timestamps in UTC. The
	// receipt records their least and greatest values for each file, ignoring null
	// and NaN. A column is left out if all its values are null or NaN, or if a
	// bound is infinite or a string of more than 64 bytes as JSON.
	Stats []string
	// Memory bounds the size of buffered rows, and so of row groups, in bytes. If
	// zero, it is 64 MiB; at most 1 GiB is used.
	Memory int64
	// OpenFiles is the maximum number of open files; the rows of further hours are
	// spilled. Each open file takes a file descriptor or a connection, and the
	// WriteBuffer of a [store.WriteBufferer]. If zero, it is 64, or fewer so that
	// the write buffers take at most Memory, but at least 1.
	OpenFiles int
	// Spill is a local directory for the rows of batches that touch so many
	// hours that Memory cannot hold a row group of each. If empty, it is
	// os.TempDir(), which should not be a file system in memory.
	Spill string
	// Workers is the number of goroutines that encode columns. If zero, it is
	// runtime.GOMAXPROCS(0).
	Workers int
}

// Stage implements stream.Sink.
func (p *Parquet) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	if err := p.check(); err != nil {
		return stream.Receipt{}, err
	}
	w := newBatchWriter(ctx, p, b)
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
		return permanentf("invalid %v", p.Clock)
	case !p.Compression.valid():
		return permanentf("invalid %v", p.Compression)
	}
	return nil
}

// maxOpen returns the maximum number of open files, given the bound of buffered
// rows in bytes.
func (p *Parquet) maxOpen(memory int64) int {
	if p.OpenFiles > 0 {
		return p.OpenFiles
	}
	if b, ok := p.Store.(store.WriteBufferer); ok && b.WriteBuffer() > 0 {
		return int(max(1, min(maxOpenFiles, memory/b.WriteBuffer())))
	}
	return maxOpenFiles
}

// Publish implements stream.Sink.
func (p *Parquet) Publish(ctx context.Context, _ stream.BatchID, r stream.Receipt) error {
	if len(r.Parts) > 0 {
		return wrongReceipt(partsFrom(r), "Parquet")
	}
	if len(r.Data) > 0 {
		return wrongReceipt("another sink", "Parquet")
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

const discardTimeout = 5 * time.Second

// Discard implements stream.Sweeper.
func (p *Parquet) Discard(ctx context.Context, r stream.Receipt) {
	ctx, cancel := context.WithTimeout(ctx, discardTimeout)
	defer cancel()
	for _, f := range r.Files {
		if p.Store.Delete(ctx, f.StagedPath) != nil {
			return
		}
	}
}

// stagingOf returns the directory for the staged files of a batch.
func (p *Parquet) stagingOf(id stream.BatchID) string {
	dir := p.Staging
	if dir == "" {
		dir = "staging"
	}
	return path.Join(dir, id.Ledger, fmt.Sprintf("%012d", id.Number))
}
