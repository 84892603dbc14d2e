//go:build unix

package archive_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// BenchmarkArchive archives real packets from files, with fsync, ledger and
// statistics: ZTF as container files, LSST as Confluent messages with plain
// FITS cutouts. Each packet is different: ids, times, positions and cutouts are
// made anew, so that nothing folds in dictionaries. Six event hours.
//
//	go test ./archive -run - -bench Archive/ztf -benchtime 20000x
//	go test ./archive -run - -bench Archive/lsst -benchtime 10000x
//
// cpu-s/1000 counts user and system time of the whole process.
func BenchmarkArchive(b *testing.B) {
	for _, survey := range []string{"ztf", "lsst"} {
		for _, c := range []sink.Compression{sink.Zstd, sink.Snappy} {
			b.Run(survey+"/"+c.String(), func(b *testing.B) { benchmarkArchive(b, survey, c) })
		}
	}
}

func benchmarkArchive(b *testing.B, survey string, c sink.Compression) {
	dir := b.TempDir()
	night, registry := filepath.Join(dir, "night"), filepath.Join(dir, "registry")
	s := &archive.Service{
		Source: &files.Source{Patterns: []string{night}}, Dir: filepath.Join(dir, "out"), Compression: c,
	}
	var size int64
	if survey == "ztf" {
		size = makeNight(b, night, b.N)
	} else {
		size = makeRubinNight(b, night, registry, b.N)
		s.Registry = &alert.RegistryCache{Registry: alert.DirRegistry(registry)}
	}
	syscall.Sync() // what was made before is not to be counted
	runtime.GC()
	b.SetBytes(size / int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	begun, cpu := time.Now(), cpuSeconds()
	require.NoError(b, s.Drain(context.Background()))
	b.StopTimer()
	require.EqualValues(b, b.N, s.Progress().Written)
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "alerts/s")
	b.ReportMetric((cpuSeconds()-cpu)/float64(b.N)*1000, "cpu-s/1000")
	b.ReportMetric(float64(s.Progress().Bytes)/float64(b.N), "out-B/alert")
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// real is a real packet and the values in it that are made anew.
type real struct {
	raw     []byte
	candid  int64
	doubles [][]byte // jd, ra, dec, as they stand in the packet
	cutouts [][]byte
}

// makeNight writes n different packets made of the real ones, and returns
// their size.
func makeNight(b *testing.B, dir string, n int) (size int64) {
	paths, err := filepath.Glob("../../shared/alerts/ztf-3.3/*.avro")
	require.NoError(b, err)
	if len(paths) == 0 {
		b.Skip("no real packets here")
	}
	var packets []real
	for _, p := range paths {
		packets = append(packets, readReal(b, p))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		raw := packets[i%len(packets)].renew(rng, int64(i), float64(i*6)/float64(n))
		name := filepath.Join(dir, fmt.Sprintf("%03d/%06d.avro", i/1000, i))
		if i%1000 == 0 {
			require.NoError(b, os.MkdirAll(filepath.Dir(name), 0o777))
		}
		require.NoError(b, os.WriteFile(name, raw, 0o666))
		size += int64(len(raw))
	}
	return size
}

func readReal(b *testing.B, path string) real {
	r := real{}
	var err error
	r.raw, err = os.ReadFile(path)
	require.NoError(b, err)
	src := &files.Source{Patterns: []string{path}}
	extents, err := src.Available(context.Background())
	require.NoError(b, err)
	for chunk, err := range src.Read(context.Background(), []stream.Range{extents[0].Range}) {
		require.NoError(b, err)
		got, err := new(alert.Decoder).Apply(context.Background(), stream.Rows{Record: chunk.Messages})
		require.NoError(b, err)
		rec := got.Rows[0].Record
		r.candid = stream.Field(rec, "candid").(*array.Int64).Value(0)
		for _, f := range []string{"candidate.jd", "candidate.ra", "candidate.dec"} {
			v := stream.Field(rec, f).(*array.Float64).Value(0)
			r.doubles = append(r.doubles, binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
		}
		for _, f := range []string{"cutoutScience", "cutoutTemplate", "cutoutDifference"} {
			r.cutouts = append(r.cutouts, bytes.Clone(value(stream.Field(rec, f+".stampData"))))
		}
		rec.Release()
	}
	return r
}

func value(a arrow.Array) []byte {
	return a.(interface{ Value(int) []byte }).Value(0)
}

// renew returns the packet at an hour from 2018-11-29 06:00, with another id,
// another position and other cutouts.
func (r real) renew(rng *rand.Rand, n int64, hour float64) []byte {
	// A number of as many digits has as many bytes in Avro.
	raw := bytes.ReplaceAll(r.raw, binary.AppendVarint(nil, r.candid), binary.AppendVarint(nil, r.candid+n*1000))
	put := func(old []byte, v float64) {
		if i := bytes.Index(raw, old); i >= 0 {
			binary.LittleEndian.PutUint64(raw[i:], math.Float64bits(v))
		}
	}
	put(r.doubles[0], 2458451.75+hour/24)
	put(r.doubles[1], rng.Float64()*360)
	put(r.doubles[2], rng.Float64()*180-90)
	for _, old := range r.cutouts {
		i := bytes.Index(raw, old)
		for k := i + 10; k+8 <= i+len(old); k += 8 { // the gzip header stays
			binary.LittleEndian.PutUint64(raw[k:], rng.Uint64())
		}
	}
	return raw
}
