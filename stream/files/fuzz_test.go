package files

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// FuzzRead reads any bytes as a file or a tarball, and again from any record:
// the accounts add up, nothing leaks, and both readings agree.
func FuzzRead(f *testing.F) {
	for _, codec := range []string{"null", "deflate", "snappy"} {
		sound := containerOf(codec, 9, 4)
		f.Add(byte(0), uint16(0), sound)
		f.Add(byte(0), uint16(300), sound)
		f.Add(byte(0), uint16(300), sound[:len(sound)-20])
		f.Add(byte(1), uint16(0), tarOf(f, member{"a", sound}, member{"b", record(1)}))
		f.Add(byte(1), uint16(200), gzipOf(tarOf(f, member{"a", sound}, member{"b", record(1)})))
	}
	f.Add(byte(0), uint16(0), append(header("deflate", testSchema), block(500, compressed("deflate", make([]byte, 1000)))...))
	f.Add(byte(0), uint16(190), append(header("null", testSchema), bytes.Repeat(block(2, records(0, 2)), 9)...))
	f.Fuzz(func(t *testing.T, kind byte, limit uint16, data []byte) {
		name := []string{"a.avro", "a.tar"}[kind%2]
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		s := &Source{MaxMessage: int64(limit), ChunkRows: 7, ChunkBytes: 500}
		if limit == 0 {
			s.MaxMessage = 1 << 16
		}
		all := read(t, s, open(partitionOf(path), 0))
		require.NoError(t, all.err)
		n := int64(len(all.rows))
		require.Equal(t, []stream.Account{account(partitionOf(path), 0, n, true)}, all.accounts)
		for _, k := range []int64{1, n / 2, n - 1, n, n + 1} {
			if k < 0 {
				continue
			}
			head := read(t, s, stream.Range{Partition: partitionOf(path), To: k})
			tail := read(t, s, open(partitionOf(path), k))
			require.Equal(t, min(k, n) == n, head.accounts[0].End)
			require.Equal(t, all.rows, append(head.rows, tail.rows...))
		}
	})
}

// FuzzEarlyStop leaves after any chunk: nothing leaks.
func FuzzEarlyStop(f *testing.F) {
	f.Add(byte(0), byte(3), containerOf("deflate", 9, 4))
	f.Add(byte(1), byte(2), tarOf(f, member{"a", containerOf("null", 9, 4)}))
	f.Fuzz(func(t *testing.T, kind, stop byte, data []byte) {
		path := filepath.Join(t.TempDir(), []string{"a.avro", "a.tar"}[kind%2])
		require.NoError(t, os.WriteFile(path, data, 0o644))
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer mem.AssertSize(t, 0)
		s := &Source{Alloc: mem, ChunkRows: 1, MaxMessage: 200}
		for range s.Read(context.Background(), []stream.Range{open(partitionOf(path), 0)}) {
			if stop--; stop == 0 || stop == 255 {
				break
			}
		}
	})
}
