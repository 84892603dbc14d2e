package simulate

import (
	"fmt"
	"io"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// meter shows on a terminal how much has been sent.
type meter struct {
	out     io.Writer
	shown   bool
	started time.Time

	sent, bytes int64
	drawn       time.Time // the last time that the line was drawn
}

const redrawInterval = 200 * time.Millisecond

func (m *meter) observe(sent, bytes int64) {
	m.sent, m.bytes = sent, bytes
	if now := time.Now(); m.shown && now.Sub(m.drawn) >= redrawInterval {
		m.drawn = now
		fmt.Fprintf(m.out, "\r\x1b[K%s", m.line())
	}
}

func (m *meter) line() string {
	seconds := max(time.Since(m.started).Seconds(), 1e-3)
	return fmt.Sprintf("%s sent, %s, %s/s", cli.Count(m.sent), cli.Bytes(m.bytes), cli.Count(int64(float64(m.sent)/seconds)))
}

// end draws the line for the last time.
func (m *meter) end(topic string) {
	if m.shown {
		fmt.Fprintf(m.out, "\r\x1b[K%s to %s\n", m.line(), topic)
	}
}
