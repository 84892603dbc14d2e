package avroarrow

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/skyfinch/skyfinch/internal/ocf"
	"github.com/stretchr/testify/require"
)

// alert is a parsed real message.
type alert struct {
	name   string
	text   []byte // the writer's schema
	header []byte // the container's, without sync marker
	raw    []byte
	buf    *memory.Buffer
	from   int
	to     int
}

// root is the module's directory.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		require.NotEqual(tb, dir, filepath.Dir(dir), "no go.mod above")
		dir = filepath.Dir(dir)
	}
}

// alerts returns the shared sample of real alerts, if it is there.
func alerts(tb testing.TB, pattern string) []alert {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(root(tb), "../shared/alerts", pattern))
	require.NoError(tb, err)
	if len(names) == 0 {
		tb.Skip("no real alerts here")
	}
	var out []alert
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(tb, err)
		if ocf.IsOCF(raw) {
			out = append(out, fromOCF(tb, name, raw)...)
		} else {
			out = append(out, fromWire(tb, name, raw))
		}
	}
	return out
}

func fromOCF(tb testing.TB, name string, raw []byte) (out []alert) {
	h, err := ocf.ParseHeader(raw)
	require.NoError(tb, err, name)
	for rest := raw[h.Size:]; ; {
		b, next, err := ocf.NextBlock(rest, h.Sync)
		if err == io.EOF {
			return out
		}
		require.NoError(tb, err, name)
		require.Equal(tb, int64(1), b.Count, name)
		buf, from := memory.NewBufferBytes(raw), len(raw)-len(next)-ocf.SyncSize-len(b.Data)
		if h.Codec != "null" {
			data, err := ocf.Decompress(nil, h.Codec, b.Data, 64<<20)
			require.NoError(tb, err, name)
			b.Data, buf, from = data, memory.NewBufferBytes(data), 0
		}
		out = append(out, alert{name: name, text: h.Schema, header: raw[:h.Size-ocf.SyncSize],
			raw: raw, buf: buf, from: from, to: from + len(b.Data)})
		rest = next
	}
}

func fromWire(tb testing.TB, name string, raw []byte) alert {
	id := binary.BigEndian.Uint32(raw[1:])
	text, err := os.ReadFile(schemaFile(tb, id))
	require.NoError(tb, err, name)
	return alert{name: name, text: text, raw: raw, buf: memory.NewBufferBytes(raw), from: 5, to: len(raw)}
}

func schemaFile(tb testing.TB, id uint32) string {
	return filepath.Join(root(tb), "../shared/schemas", fmt.Sprintf("lsst-%d.avsc", id))
}
