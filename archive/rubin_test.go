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
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// rubinID is the registry's id of the schema that the packets are framed with.
const rubinID = 900

// rubin is a real packet as on the wire, and where in it stand the values that
// are made anew.
type rubin struct {
	raw     []byte
	id      []byte // diaSourceId as it stands in the packet
	source  int64
	time    int      // of midpointMjdTai
	values  []floats // of diaSource and diaObject, one each
	pixels  []floats // of the cutouts
	numbers [][2]int // the last digits of numbers in their headers
}

// floats are where floats stand one after the other: little-endian in the
// packet itself, big-endian in its cutouts.
type floats struct {
	from, to, width int
	order           binary.ByteOrder
}

// makeRubinNight writes n different packets made of the real ones over six
// event hours, Confluent framed, and the registry for them beside the night.
// Positions, times and ids are new; of all other numbers, pixels included, the
// low bits, so that they compress as well as the real ones.
func makeRubinNight(b *testing.B, dir, registry string, n int) (size int64) {
	paths, err := filepath.Glob("../../shared/alerts/lsst-9.0/*.avro")
	require.NoError(b, err)
	if len(paths) == 0 {
		b.Skip("no real packets here")
	}
	require.NoError(b, os.MkdirAll(registry, 0o777))
	var packets []*rubin
	for _, p := range paths {
		packets = append(packets, readRubin(b, p, registry))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		raw := packets[i%len(packets)].renew(rng, int64(i), float64(i*6)/float64(n))
		name := filepath.Join(dir, fmt.Sprintf("%03d/%06d.bin", i/1000, i))
		if i%1000 == 0 {
			require.NoError(b, os.MkdirAll(filepath.Dir(name), 0o777))
		}
		require.NoError(b, os.WriteFile(name, raw, 0o666))
		size += int64(len(raw))
	}
	return size
}

func readRubin(b *testing.B, path, registry string) *rubin {
	file, err := os.ReadFile(path)
	require.NoError(b, err)
	h, err := ocf.ParseHeader(file)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(registry, fmt.Sprintf("lsst-%d.avsc", rubinID)), h.Schema, 0o666))
	block, _, err := ocf.NextBlock(file[h.Size:], h.Sync)
	require.NoError(b, err)
	datum, err := ocf.Decompress(nil, h.Codec, block.Data, 16<<20)
	require.NoError(b, err)
	r := &rubin{raw: append(binary.BigEndian.AppendUint32([]byte{0}, rubinID), datum...)}

	src := &files.Source{Patterns: []string{path}}
	extents, err := src.Available(context.Background())
	require.NoError(b, err)
	for chunk, err := range src.Read(context.Background(), []stream.Range{extents[0].Range}) {
		require.NoError(b, err)
		got, err := new(alert.Decoder).Apply(context.Background(), stream.Rows{Record: chunk.Messages})
		require.NoError(b, err)
		r.locate(b, got.Rows[0].Record)
		got.Rows[0].Record.Release()
	}
	return r
}

// locate finds the values of a decoded packet in its bytes.
func (r *rubin) locate(b *testing.B, rec arrow.Record) {
	r.source = stream.Field(rec, "diaSource.diaSourceId").(*array.Int64).Value(0)
	r.id = binary.AppendVarint(nil, r.source)
	at := 5
	for _, name := range []string{"diaSource", "diaObject"} {
		s, ok := stream.Field(rec, name).(*array.Struct)
		if !ok || s.IsNull(0) {
			continue
		}
		for i := range s.NumField() {
			old := floatBytes(s.Field(i))
			if old == nil {
				continue
			}
			k := bytes.Index(r.raw[at:], old)
			require.GreaterOrEqual(b, k, 0, "%s field %d", name, i)
			v := floats{at + k, at + k + len(old), len(old), binary.LittleEndian}
			at = v.to
			r.values = append(r.values, v)
			if name == "diaSource" && s.DataType().(*arrow.StructType).Field(i).Name == "midpointMjdTai" {
				r.time = v.from
			}
		}
	}
	for _, f := range []string{"cutoutDifference", "cutoutScience", "cutoutTemplate"} {
		if v := value(stream.Field(rec, f)); len(v) > 0 {
			k := bytes.Index(r.raw[at:], v)
			require.GreaterOrEqual(b, k, 0)
			r.fits(b, at+k, at+k+len(v))
			at += k + len(v)
		}
	}
}

// floatBytes is a float as Avro has it, or nil where there is none or it is 0.
func floatBytes(a arrow.Array) []byte {
	switch a := a.(type) {
	case *array.Float64:
		if a.IsValid(0) && a.Value(0) != 0 {
			return binary.LittleEndian.AppendUint64(nil, math.Float64bits(a.Value(0)))
		}
	case *array.Float32:
		if a.IsValid(0) && a.Value(0) != 0 {
			return binary.LittleEndian.AppendUint32(nil, math.Float32bits(a.Value(0)))
		}
	}
	return nil
}

// fits finds the pixels in a FITS file: units of 2880 bytes, a header of cards
// of 80, and data.
func (r *rubin) fits(b *testing.B, at, end int) {
	const unit = 2880
	for at < end {
		cards, width, size := r.header(at)
		require.Positive(b, width, "only floats are expected")
		at += (cards*80 + unit - 1) / unit * unit
		r.pixels = append(r.pixels, floats{at, at + size, width, binary.BigEndian})
		at += (size + unit - 1) / unit * unit
	}
	require.Equal(b, end, at)
}

// header reads the cards of a header, and finds the digits in it.
func (r *rubin) header(at int) (cards, width, size int) {
	size = 1
	for ; ; at += 80 {
		cards++
		card := string(r.raw[at : at+80])
		if strings.HasPrefix(card, "END     ") {
			return cards, width, size * width
		}
		text, _, _ := strings.Cut(card[10:], "/")
		text = strings.TrimSpace(text)
		if dot := strings.IndexByte(text, '.'); dot >= 0 && len(text)-dot > 9 {
			from := at + strings.Index(card, text) + dot + 3
			r.numbers = append(r.numbers, [2]int{from, from + 6})
		}
		n, err := strconv.Atoi(text)
		switch name := strings.TrimSpace(card[:8]); {
		case err != nil:
		case name == "BITPIX":
			width = -n / 8
		case strings.HasPrefix(name, "NAXIS") && name != "NAXIS":
			size *= n
		}
	}
}

// renew returns the packet at an hour from 2025-10-10 00:00 TAI.
func (r *rubin) renew(rng *rand.Rand, n int64, hour float64) []byte {
	raw := bytes.ReplaceAll(r.raw, r.id, binary.AppendVarint(nil, r.source+n*1000))
	for _, d := range r.values {
		d.renew(rng, raw)
	}
	for _, d := range r.pixels {
		d.renew(rng, raw)
	}
	for _, d := range r.numbers {
		for i := d[0]; i < d[1]; i++ {
			raw[i] = '0' + byte(rng.Uint32()%10)
		}
	}
	binary.LittleEndian.PutUint64(raw[r.time:], math.Float64bits(60958+hour/24+1e-3))
	return raw
}

// renew changes the low bits of floats, about a ten thousandth of their value.
// Those of doubles that are widened floats stay zero.
func (d floats) renew(rng *rand.Rand, raw []byte) {
	for i := d.from; i < d.to; i += d.width {
		noise := rng.Uint64()
		if d.width == 4 {
			if v := d.order.Uint32(raw[i:]); v<<1 != 0 && v>>23&0xff != 0xff {
				d.order.PutUint32(raw[i:], v^uint32(noise&0xfff))
			}
			continue
		}
		v := d.order.Uint64(raw[i:])
		mask := uint64(1)<<40 - 1
		if v&(1<<29-1) == 0 {
			mask &^= 1<<29 - 1
		}
		if v<<1 != 0 && v>>52&0x7ff != 0x7ff {
			d.order.PutUint64(raw[i:], v^noise&mask)
		}
	}
}
