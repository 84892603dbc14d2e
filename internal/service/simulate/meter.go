package simulate

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream"
)

// meter shows on a terminal how much has been sent.
type meter struct {
	out     io.Writer
	shown   bool
	started time.Time

	sent, bytes atomic.Int64
	drawn       time.Time // the last time that the line was drawn
}

const redrawInterval = 200 * time.Millisecond

func (m *meter) observe(sent, bytes int64) {
	m.sent.Store(sent)
	m.bytes.Store(bytes)
	if now := time.Now(); m.shown && now.Sub(m.drawn) >= redrawInterval {
		m.drawn = now
		fmt.Fprintf(m.out, "\r\x1b[K%s", m.line())
	}
}

func (m *meter) line() string {
	seconds := max(time.Since(m.started).Seconds(), 1e-3)
	return fmt.Sprintf("%s sent, %s, %s/s", cli.Count(m.sent.Load()), cli.Bytes(m.bytes.Load()), cli.Count(int64(float64(m.sent.Load())/seconds)))
}

// status returns what has been sent, as the status of a job.
func (m *meter) status() stream.Status {
	sent, bytes := m.sent.Load(), m.bytes.Load()
	return stream.Status{
		Time: time.Now(), Stage: stream.StageWrite, Since: m.started,
		Progress: stream.Progress{Counts: stream.Counts{Read: sent, Written: sent, Bytes: bytes, BytesIn: bytes}},
	}
}

// end draws the line for the last time.
func (m *meter) end(topic string) {
	if m.shown {
		fmt.Fprintf(m.out, "\r\x1b[K%s to %s\n", m.line(), topic)
	}
}
