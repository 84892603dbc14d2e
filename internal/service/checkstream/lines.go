package checkstream

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// lines prints a line for each alert, with tabs between the fields.
type lines struct {
	Out io.Writer // for alerts
	Err io.Writer // for rejects
}

func (l *lines) alerts(all []alertRow, now time.Time) error {
	var b strings.Builder
	for _, a := range all {
		sent, age := "", ""
		if !a.sent.IsZero() {
			sent, age = stamp(a.sent), strconv.FormatFloat(now.Sub(a.sent).Seconds(), 'f', 3, 64)
		}
		value := ""
		if a.brightness.unit != "" {
			value = strconv.FormatFloat(a.brightness.value, 'f', -1, 32) // float32 in the packets
		}
		b.WriteString(strings.Join([]string{
			a.survey, a.id, clean(a.object), stamp(a.time), decimal(a.ra), decimal(a.dec), value, a.brightness.unit,
			a.message.topic, a.message.partition, a.message.offset, sent, age,
		}, "\t"))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(l.Out, b.String())
	return err
}

func (l *lines) rejects(all []rejectRow) error {
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "undecodable %v: %s\n", r.message, clean(r.cause))
	}
	_, err := io.WriteString(l.Err, b.String())
	return err
}

// summary returns the text that is printed at the end.
func summary(r report) string {
	rate := func(n int64) float64 { return float64(n) / max(r.elapsed.Seconds(), 1e-3) }
	var b strings.Builder
	fmt.Fprintf(&b, "%s messages, %s in %v (%.1f/s, %.2f MB/s), %s waiting\n", cli.Count(r.total.messages), cli.Bytes(r.total.bytes),
		r.elapsed.Round(100*time.Millisecond), rate(r.total.messages), rate(r.total.bytes)/1e6, cli.Count(r.total.lag))
	fmt.Fprintf(&b, "%s alerts, %s undecodable\n", cli.Count(r.alerts), cli.Count(r.rejected))
	for _, c := range r.causes {
		fmt.Fprintf(&b, "%9s  %s\n", cli.Count(c.n), clean(c.text))
	}
	if r.lost > 0 {
		fmt.Fprintf(&b, "%s lost: gone before they were read\n", cli.Count(r.lost))
	}
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// clean replaces what could break a line, a column or the terminal. Packets
// may hold anything.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
