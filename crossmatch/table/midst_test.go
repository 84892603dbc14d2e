package table_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch/table"
)

var errDisk = errors.New("the disk fails")

// failing is a file that fails after a number of reads.
type failing struct {
	io.ReaderAt
	left int
}

func (f *failing) ReadAt(b []byte, at int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(b, at)
}

// patient is a context that is done after a number of calls of Err.
type patient struct {
	context.Context
	left int
}

func (p *patient) Err() error {
	if p.left--; p.left < 0 {
		return context.Canceled
	}
	return nil
}

// long are tables of each format with some thousand rows, of which 2,400 bytes or
// so of text fit into one read.
func long(t *testing.T) map[string][]byte {
	var text strings.Builder
	text.WriteString("ra,dec,name,n\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, "%d.%d,-1.5,\"star %d\",%d\n", i%360, i, i, i)
	}
	const n = 3000
	return map[string][]byte{
		"csv":     []byte(text.String()),
		"csv.gz":  packed([]byte(text.String())),
		"fits":    fitsTable(fitsRow, 10*n, []string{"RA D", "DEC D", "id J", "flag L", "name 5A"}, "TNULL3=7"),
		"text":    []byte(voData("TABLEDATA", strings.Repeat(voText, n))),
		"binary":  []byte(voStream("BINARY", strings.Repeat(voBinary, 10*n))),
		"binary2": []byte(voStream("BINARY2", strings.Repeat("\x00"+voBinary, 10*n))),
		"parquet": parquetFile(t, n, parquet.WithMaxRowGroupLength(500)),
	}
}

// Wherever a file cannot be read any more, or a loop over its records ends,
// nothing is left of what was read.
func TestFailsInTheMidst(t *testing.T) {
	for name, b := range long(t) {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			failed, some := 0, 0
			for n := 0; ; n++ {
				f := &failing{bytes.NewReader(b), n}
				tab, err := table.NewReader(f, int64(len(b)), "x", table.Options{Memory: mem, Rows: 500})
				rows := int64(0)
				if err == nil {
					for rec, e := range tab.Records(t.Context()) {
						if err = e; err == nil {
							rows += rec.NumRows()
						}
					}
				}
				mem.AssertSize(t, 0)
				if err == nil {
					break
				}
				failed++
				if rows > 0 {
					some++
				}
				require.ErrorContains(t, err, "the disk fails")
				require.ErrorContains(t, err, "table: x: ")
			}
			assert.Greater(t, failed, 2)
			assert.Positive(t, some, "rows before the failure")
		})
	}
}

func TestEndsInTheMidst(t *testing.T) {
	for name, b := range long(t) {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			tab, err := read(b, table.Options{Memory: mem, Rows: 500})
			require.NoError(t, err)
			for n := range 4 {
				left := n
				for rec, err := range tab.Records(t.Context()) {
					require.NoError(t, err)
					require.NotZero(t, rec.NumRows())
					if left--; left < 0 {
						break
					}
				}
				mem.AssertSize(t, 0)
				for _, err = range tab.Records(&patient{t.Context(), n}) {
				}
				require.ErrorIs(t, err, context.Canceled)
				mem.AssertSize(t, 0)
			}
			assert.Panics(t, func() {
				for range tab.Records(t.Context()) {
					panic("a mistake of the loop's")
				}
			})
		})
	}
}
