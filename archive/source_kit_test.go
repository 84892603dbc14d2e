package archive_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	cols "github.com/skyfinch/skyfinch/archive/internal/columns"
	"github.com/skyfinch/skyfinch/archive/internal/index"
	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/archive/internal/order"
	"github.com/skyfinch/skyfinch/internal/alerttest"
	"github.com/skyfinch/skyfinch/internal/parquetfile"
	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// sky is an archive in a directory.
type sky struct {
	t           *testing.T
	dir         string
	store       store.Store
	clock       sink.Clock
	batch       int64 // rows of a batch
	nights      int
	compression sink.Compression
}

func newSky(t *testing.T) *sky {
	dir := filepath.Join(t.TempDir(), "sky")
	st, err := store.OpenDir(dir)
	require.NoError(t, err)
	return &sky{t: t, dir: dir, store: st, batch: 100}
}

// service returns a service that archives a source.
func (s *sky) service(source stream.Source) *archive.Service {
	return &archive.Service{Dir: s.dir, Store: s.store, Clock: s.clock, Compression: s.compression, Job: stream.MicroBatch{
		Source: source, Limits: stream.Limits{Rows: s.batch}, SnapshotEvery: 3, Log: slog.New(slog.DiscardHandler)}}
}

// grow archives n more small alerts of ZTF, at times in turn in each of three hours.
func (s *sky) grow(n int64) {
	s.t.Helper()
	s.nights++
	service := s.service(&small{partition: fmt.Sprintf("night%d", s.nights), count: n})
	require.NoError(s.t, service.Drain(s.t.Context()))
	require.EqualValues(s.t, n, service.Progress().Written)
}

// small is a source of small alerts of ZTF, in one partition.
type small struct {
	partition string
	count     int64
}

func (s *small) Available(context.Context) ([]stream.Extent, error) {
	return []stream.Extent{{Range: stream.Range{Partition: s.partition, To: s.count}}}, nil
}

func (s *small) Read(_ context.Context, ranges []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for _, r := range ranges {
			for from := r.From; from < r.To; from += 50 {
				if !s.chunk(stream.Range{Partition: s.partition, From: from, To: min(from+50, r.To)}, yield) {
					return
				}
			}
		}
	}
}

func (s *small) chunk(r stream.Range, yield func(stream.Chunk, error) bool) bool {
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for n := r.From; n < r.To; n++ {
		packet, err := alerttest.ZTF(n*7919%10_000, float64(n%3)+0.5)
		if err != nil {
			return yield(stream.Chunk{}, err)
		}
		b.Append(stream.Message{Topic: s.partition, Offset: n, Time: time.Now(), Value: stream.View{Buffer: memory.NewBufferBytes(packet), To: len(packet)}})
	}
	messages := b.NewRecord()
	defer messages.Release()
	return yield(stream.Chunk{Messages: messages, Accounts: []stream.Account{{Range: r, Read: r.Len()}}}, nil)
}

func (s *sky) ledger() *ledger.Ledger {
	l, err := ledger.Open(s.t.Context(), s.store, layout.Ledger, nil)
	require.NoError(s.t, err)
	return l
}

// files returns the live files of a table.
func (s *sky) files(table string) (out []index.File) {
	x, err := index.Open(s.t.Context(), s.store, s.ledger())
	require.NoError(s.t, err)
	if t := x.Table(table); t != nil {
		out = t.Files
	}
	return out
}

// rewrite replaces the files of each directory of a table by one, which is in commit
// order, or sorted by a column if sorted is not empty. Without outputs it prunes.
func (s *sky) rewrite(table, sorted string, prune bool, only ...string) {
	byDir := map[string][]index.File{}
	for _, f := range s.files(table) {
		if len(only) == 0 || slices.Contains(only, f.Dir) {
			byDir[f.Dir] = append(byDir[f.Dir], f)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		s.rewriteDir(table, dir, byDir[dir], sorted, prune)
	}
}

func (s *sky) rewriteDir(table, dir string, inputs []index.File, sorted string, prune bool) {
	ctx, l := s.t.Context(), s.ledger()
	var base int64
	for b, err := range l.Follow(ctx, 1) {
		require.NoError(s.t, err)
		base = b.Number
	}
	c := &ledger.Commit{Replaces: &ledger.Replacement{Base: base, Pruned: prune}}
	for _, f := range inputs {
		c.Replaces.Files = append(c.Replaces.Files, ledger.ReplacedFile{Name: f.Path, Rows: f.Rows, Bytes: f.Bytes})
	}
	if !prune {
		c.Rows.Files = []ledger.File{s.merge(table, dir, inputs, sorted, base)}
	}
	require.NoError(s.t, l.Rewrite(ctx, c, nil))
	require.NoError(s.t, layout.Publish(ctx, s.store, l, c))
	require.NoError(s.t, l.PutDone(ctx, c.Batch))
	for _, f := range inputs {
		require.NoError(s.t, s.store.Delete(ctx, f.Path))
	}
}

// merge stages a file with the rows of others.
func (s *sky) merge(table, dir string, inputs []index.File, sorted string, base int64) ledger.File {
	t, l := s.t, s.ledger()
	schema, err := l.Schema(t.Context(), sink.SchemaPrefix+table)
	require.NoError(t, err)
	numbered := map[int64]parquetfile.Rows{} // by the number of the row
	out := ledger.File{Table: table, First: inputs[0].First, Last: inputs[0].Last}
	for _, f := range inputs {
		var numbers []int64
		for _, r := range f.Runs {
			for i := range r.Rows {
				numbers = append(numbers, r.First+i)
			}
		}
		for _, rec := range s.records(f, schema) {
			for i := range int32(rec.NumRows()) {
				numbered[numbers[0]] = parquetfile.Rows{Record: rec, Index: []int32{i}}
				numbers = numbers[1:]
			}
		}
		out.Rows += f.Rows
		if f.First.Before(out.First) {
			out.First = f.First
		}
		if f.Last.After(out.Last) {
			out.Last = f.Last
		}
	}
	var rows []parquetfile.Rows
	for _, n := range slices.Sorted(maps.Keys(numbered)) {
		rows = append(rows, numbered[n])
	}
	data := write(t, schema, rows, sorted)
	name := fmt.Sprintf("%s-rewrite-%012d-%x", l.ID(), base, time.Now().UnixNano())
	out.StagedPath = path.Join(layout.Staging, name, "1")
	out.Path, out.Bytes = path.Join(table, dir, name+".parquet"), int64(len(data))
	w, err := s.store.Stage(t.Context(), out.StagedPath, out.Path)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out
}

// records reads a file whose rows are in commit order.
func (s *sky) records(f index.File, schema *arrow.Schema) (out []arrow.Record) {
	in, err := s.store.Open(s.t.Context(), f.Path)
	require.NoError(s.t, err)
	defer in.Close()
	r, err := inspect.OpenReader(in)
	require.NoError(s.t, err)
	defer r.Close()
	require.Empty(s.t, r.Metadata()[order.Key])
	for g := range r.NumRowGroups() {
		rec, err := r.ReadRowGroup(g, nil)
		require.NoError(s.t, err)
		if schema != nil {
			rec, err = cols.Conform(memory.DefaultAllocator, rec, schema)
			require.NoError(s.t, err)
		}
		out = append(out, rec)
	}
	return out
}

// groupRows is the number of rows of a row group of a rewritten file.
const groupRows = 70

// write returns a file of rows in commit order, or sorted with a block that tells it.
func write(t *testing.T, schema *arrow.Schema, rows []parquetfile.Rows, sorted string) []byte {
	if sorted == "" {
		return writeFile(t, schema, rows, nil)
	}
	key := func(i int) string { return stream.Field(rows[i].Record, sorted).ValueStr(int(rows[i].Index[0])) }
	ranks := make([]int, len(rows))
	for i := range ranks {
		ranks[i] = i
	}
	slices.SortStableFunc(ranks, func(a, b int) int { return cmp.Compare(key(a), key(b)) })
	places, inOrder := make([]uint32, len(rows)), make([]parquetfile.Rows, len(rows))
	for place, rank := range ranks {
		places[rank], inOrder[place] = uint32(place), rows[rank]
	}
	block := order.Append(nil, places)
	plain := writeFile(t, schema, inOrder, nil)
	at := footerAt(plain)
	out := writeFile(t, schema, inOrder, map[string]string{order.Key: order.Block{Name: sorted, Offset: int64(at), Size: int64(len(block))}.String()})
	return slices.Concat(out[:at], block, out[at:])
}

func writeFile(t *testing.T, schema *arrow.Schema, rows []parquetfile.Rows, metadata map[string]string) []byte {
	var buf bytes.Buffer
	w, err := parquetfile.NewWriter(&buf, schema, parquetfile.Options{Metadata: metadata, Codec: parquetfile.None})
	require.NoError(t, err)
	for group := range slices.Chunk(rows, groupRows) {
		require.NoError(t, w.WriteRowGroup(group))
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// footerAt returns where the footer of a file begins.
func footerAt(data []byte) int {
	return len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
}

// copier copies a source into a directory, exactly once.
type copier struct {
	t   *testing.T
	dir string
	job *stream.MicroBatch
}

func newCopier(t *testing.T, source stream.Source) *copier {
	c := &copier{t: t, dir: filepath.Join(t.TempDir(), "copy")}
	c.job = c.process(source)
	return c
}

// process returns another process of the copier's job.
func (c *copier) process(source stream.Source) *stream.MicroBatch {
	st, err := store.OpenDir(c.dir)
	require.NoError(c.t, err)
	l, err := ledger.Open(c.t.Context(), st, "ledger", nil)
	require.NoError(c.t, err)
	return &stream.MicroBatch{
		Source: source, Sink: &sink.Parquet{Store: st, Schemas: l}, Ledger: l,
		Limits: stream.Limits{Rows: 300}, SnapshotEvery: 5, Alone: true, Log: slog.New(slog.DiscardHandler),
	}
}

func (c *copier) drain() {
	c.t.Helper()
	require.NoError(c.t, c.job.Drain(c.t.Context()))
}

// accounts sums up the accounts of the copier's job by partition.
func (c *copier) accounts() map[string]stream.Account {
	out := map[string]stream.Account{}
	for b, err := range c.job.Ledger.Batches(c.t.Context(), 1) {
		require.NoError(c.t, err)
		for _, a := range b.Commit.Accounts {
			sum := out[a.Partition]
			sum.Add(a)
			sum.From, sum.To = 0, 0
			out[a.Partition] = sum
		}
	}
	return out
}

// values counts the rows of all Parquet files below a directory, by their values that
// are not null.
func values(t *testing.T, dir string) map[string]int {
	out := map[string]int{}
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".parquet") || strings.Contains(name, "/schema/") {
			return ignoreMissing(err)
		}
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		r, err := inspect.OpenReader(bytes.NewReader(data))
		require.NoError(t, err, name)
		defer r.Close()
		for g := range r.NumRowGroups() {
			rec, err := r.ReadRowGroup(g, nil)
			require.NoError(t, err)
			countRows(rec, out)
			rec.Release()
		}
		return nil
	})
	require.NoError(t, err)
	return out
}

// countRows counts the rows of a record.
func countRows(rec arrow.Record, out map[string]int) {
	for i := range int(rec.NumRows()) {
		var row strings.Builder
		for c, col := range rec.Columns() {
			if col.IsValid(i) {
				fmt.Fprintf(&row, "%s=%s ", rec.ColumnName(c), format(col, i))
			}
		}
		out[row.String()]++
	}
}

// format formats a value. Arrow's ValueStr panics on NaN in structs.
func format(a arrow.Array, i int) string {
	var parts []string
	switch a := a.(type) {
	case *array.Struct:
		for f, field := range a.DataType().(*arrow.StructType).Fields() {
			if a.Field(f).IsValid(i) {
				parts = append(parts, field.Name+"="+format(a.Field(f), i))
			}
		}
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		for e := from; e < to; e++ {
			if a.ListValues().IsNull(int(e)) {
				parts = append(parts, "null")
			} else {
				parts = append(parts, format(a.ListValues(), int(e)))
			}
		}
	default:
		return a.ValueStr(i)
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// read reads a range, and returns the rows of each chunk and all accounts.
func read(t *testing.T, s stream.Source, r stream.Range) (chunks []string, accounts []stream.Account) {
	return readWhile(t, s, r, func(int) {})
}

// readWhile is read; it calls f with the number of each chunk.
func readWhile(t *testing.T, s stream.Source, r stream.Range, f func(chunk int)) (chunks []string, accounts []stream.Account) {
	for c, err := range s.Read(context.Background(), []stream.Range{r}) {
		require.NoError(t, err)
		f(len(chunks))
		accounts = append(accounts, c.Accounts...)
		rows := fmt.Sprint(c.Table, c.Accounts)
		if c.Messages != nil {
			data, err := c.Messages.MarshalJSON()
			require.NoError(t, err)
			rows += string(data)
		}
		chunks = append(chunks, rows)
	}
	return chunks, accounts
}

// extents lists a source.
func extents(t *testing.T, s stream.Source) []stream.Extent {
	out, err := s.Available(t.Context())
	require.NoError(t, err)
	return out
}

func openDir(t testing.TB, dir string) store.Store {
	st, err := store.OpenDir(dir)
	require.NoError(t, err)
	return st
}
