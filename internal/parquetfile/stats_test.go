package parquetfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/parquetfile/inspect"
	"github.com/skyfinch/skyfinch/internal/thrift"
)

// TestStatistics compares statistics with the results of a simple search.
func TestStatistics(t *testing.T) {
	var fields []arrow.Field
	for i, typ := range leafTypes() {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("c", i), Type: typ, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	for seed := range uint64(60) {
		g := newGenerator(seed, memory.DefaultAllocator)
		rows := g.pick(g.record(schema, g.IntN(12)))
		if rows.len() == 0 {
			rows.Record.Release()
			continue
		}
		data := write(t, schema, [][]Rows{{rows}}, Options{})
		f, err := file.NewParquetReader(bytes.NewReader(data))
		require.NoError(t, err)
		index := rows.Index
		if index == nil {
			for i := range int32(rows.Record.NumRows()) {
				index = append(index, i)
			}
		}
		for i := range fields {
			lower, upper, nulls := extremes(rows.Record.Column(i), index)
			chunk, err := f.MetaData().RowGroup(0).ColumnChunk(i)
			require.NoError(t, err)
			got, err := chunk.Statistics()
			require.NoError(t, err)
			what := fmt.Sprintf("seed %d, %s", seed, fields[i].Type)
			assert.EqualValues(t, nulls, got.NullCount(), what)
			require.Equal(t, lower != nil, got.HasMinMax(), what)
			if lower != nil {
				assert.Equal(t, lower, got.EncodeMin(), what)
				assert.Equal(t, upper, got.EncodeMax(), what)
			}
		}
		require.NoError(t, f.Close())
		rows.Record.Release()
	}
}

// extremes returns the bounds of rows as encoded in the footer, or nil if there
// are none.
func extremes(a arrow.Array, index []int32) (lower, upper []byte, nulls int) {
	var lo, hi any
	for _, i := range index {
		v := plain(a, int(i))
		if v == nil {
			nulls++
			continue
		}
		switch a.(type) {
		case *array.Float32, *array.Float64:
			f := math.Float64frombits(v.(uint64))
			if math.IsNaN(f) {
				continue
			}
			v = f
		case *array.Binary, *array.BinaryView, *array.FixedSizeBinary:
			continue
		case *array.Decimal128:
			v, _ = new(big.Int).SetString(v.(string), 10)
		}
		if lo == nil || before(v, lo) {
			lo = v
		}
		if hi == nil || before(hi, v) {
			hi = v
		}
	}
	if lo == nil {
		return nil, nil, nulls
	}
	if s, ok := lo.(string); ok && (len(s) > 64 || len(hi.(string)) > 64) {
		return nil, nil, nulls
	}
	if lo == 0.0 {
		lo = math.Copysign(0, -1)
	}
	if hi == 0.0 {
		hi = 0.0
	}
	return encoded(a.DataType(), lo), encoded(a.DataType(), hi), nulls
}

func before(a, b any) bool {
	switch a := a.(type) {
	case bool:
		return !a && b.(bool)
	case int64:
		return a < b.(int64)
	case float64:
		return a < b.(float64)
	case string:
		return a < b.(string)
	}
	return a.(*big.Int).Cmp(b.(*big.Int)) < 0
}

func encoded(typ arrow.DataType, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return []byte{1}
		}
		return []byte{0}
	case float64:
		if typ.ID() == arrow.FLOAT32 {
			return arrow.Float32Traits.CastToBytes([]float32{float32(v)})
		}
		return arrow.Float64Traits.CastToBytes([]float64{v})
	case string:
		return []byte(v)
	case *big.Int:
		width := decimalWidth(typ.(*arrow.Decimal128Type).Precision)
		if v.Sign() < 0 { // two's complement
			v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*width)))
		}
		return v.FillBytes(make([]byte, width))
	}
	if typ.(arrow.FixedWidthDataType).BitWidth() == 32 {
		return arrow.Int32Traits.CastToBytes([]int32{int32(v.(int64))})
	}
	return arrow.Int64Traits.CastToBytes([]int64{v.(int64)})
}

// TestAlteredBounds alters each bound in the statistics of files of all types: a
// deep check finds it, and a check that does not decode the values cannot.
func TestAlteredBounds(t *testing.T) {
	var fields []arrow.Field
	for i, typ := range leafTypes() {
		fields = append(fields, arrow.Field{Name: fmt.Sprint("c", i), Type: typ, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	altered := 0
	for seed := range uint64(20) {
		g := newGenerator(seed, memory.DefaultAllocator)
		groups := g.groups(schema, 12)
		data := write(t, schema, groups, Options{})
		_, err := inspect.Check(bytes.NewReader(data), inspect.Options{Deep: true})
		require.NoError(t, err)
		footer := data[len(data)-8-int(binary.LittleEndian.Uint32(data[len(data)-8:])) : len(data)-8]
		_, err = thrift.Walk(footer, func(path []int, _ int64, text []byte) {
			if len(path) != 7 || path[5] != 12 || len(text) == 0 {
				return
			}
			at := g.IntN(len(text))
			text[at] ^= 1 // text shares memory with data
			_, err := inspect.Check(bytes.NewReader(data), inspect.Options{Deep: true})
			assert.ErrorContains(t, err, "its statistics say that the ", "%s, %v", fields[path[3]].Type, path)
			_, err = inspect.Check(bytes.NewReader(data), inspect.Options{})
			assert.NoError(t, err)
			text[at] ^= 1
			altered++
		})
		require.NoError(t, err)
		release(groups)
	}
	require.Greater(t, altered, 500)
}
