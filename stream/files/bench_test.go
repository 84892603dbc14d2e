package files

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

// pool is the simplest allocator that uses memory again.
type pool struct {
	mu   sync.Mutex
	free map[int][][]byte
}

func (p *pool) Allocate(n int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if have := p.free[n]; len(have) > 0 {
		p.free[n] = have[:len(have)-1]
		return have[len(have)-1]
	}
	return memory.DefaultAllocator.Allocate(n)
}

func (p *pool) Reallocate(n int, b []byte) []byte {
	out := p.Allocate(n)
	copy(out, b)
	p.Free(b)
	return out
}

func (p *pool) Free(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[len(b)] = append(p.free[len(b)], b)
}

func benchmarkRead(b *testing.B, pattern string, mem memory.Allocator) {
	s := &Source{Patterns: []string{pattern}, Alloc: mem}
	extents, err := s.Available(b.Context())
	require.NoError(b, err)
	var ranges []stream.Range
	for _, e := range extents {
		ranges = append(ranges, e.Range)
	}
	var rows, bytes int64
	b.ReportAllocs()
	for b.Loop() {
		for c, err := range s.Read(b.Context(), ranges) {
			if err != nil {
				b.Fatal(err)
			}
			rows += c.Messages.NumRows()
		}
	}
	for _, e := range extents {
		bytes += e.Bytes
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(rows)/seconds, "alerts/s")
	b.ReportMetric(float64(bytes)*float64(b.N)/1e6/seconds, "file-MB/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/alert")
}

func BenchmarkRead(b *testing.B) {
	dir := realAlerts(b)
	for _, survey := range []string{"ztf-3.3", "lsst-9.0"} {
		b.Run(survey, func(b *testing.B) { benchmarkRead(b, filepath.Join(dir, survey), nil) })
		b.Run(survey+"/pooled", func(b *testing.B) {
			benchmarkRead(b, filepath.Join(dir, survey), &pool{free: map[int][][]byte{}})
		})
	}
}

// BenchmarkSystemCalls is what BenchmarkRead is to be measured against.
func BenchmarkSystemCalls(b *testing.B) {
	names, err := filepath.Glob(filepath.Join(realAlerts(b), "ztf-3.3/*"))
	require.NoError(b, err)
	buf := make([]byte, 1<<20)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range names {
			f, err := os.Open(name)
			if err != nil {
				b.Fatal(err)
			}
			info, _ := f.Stat()
			_, _ = f.Read(buf[:info.Size()])
			_ = f.Close()
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/alert")
}

func BenchmarkTarball(b *testing.B) {
	names, err := filepath.Glob(filepath.Join(realAlerts(b), "ztf-3.3/*"))
	require.NoError(b, err)
	var members []member
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(b, err)
		members = append(members, member{filepath.Base(name), data})
	}
	plain := tarOf(b, members...)
	dir := write(b, member{"a.tar", plain}, member{"a.tar.gz", gzipOf(plain)})
	for _, name := range []string{"a.tar", "a.tar.gz"} {
		b.Run(name, func(b *testing.B) {
			benchmarkRead(b, dir+"/"+name, &pool{free: map[int][][]byte{}})
		})
	}
}

// BenchmarkContainer reads one file with many small records, where what a row
// costs shows.
func BenchmarkContainer(b *testing.B) {
	for _, codec := range []string{"null", "deflate", "snappy"} {
		dir := write(b, member{"a.avro", containerOf(codec, 200_000, 2000)})
		b.Run(codec, func(b *testing.B) {
			benchmarkRead(b, dir, &pool{free: map[int][][]byte{}})
		})
	}
}

func BenchmarkAvailable(b *testing.B) {
	dir := b.TempDir()
	for i := range 100_000 {
		name := filepath.Join(dir, fmt.Sprintf("%d/%d.avro", i%10, i))
		if i < 10 {
			require.NoError(b, os.Mkdir(filepath.Dir(name), 0o755))
		}
		require.NoError(b, os.WriteFile(name, nil, 0o644))
	}
	s := &Source{Patterns: []string{dir}}
	b.ReportAllocs()
	for b.Loop() {
		extents, err := s.Available(b.Context())
		require.NoError(b, err)
		require.Len(b, extents, 100_000)
	}
}
