package checkstream

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// lines prints alerts for other programs: one line each, with tab-separated
// fields.
type lines struct {
	Out io.Writer // for alerts
	Err io.Writer // for undecodable messages
}

func (l *lines) alerts(all []alertRow, now time.Time) error {
	var b strings.Builder
	for _, s := range all {
		sent, age := "", ""
		if !s.sent.IsZero() {
			sent, age = stamp(s.sent), strconv.FormatFloat(now.Sub(s.sent).Seconds(), 'f', 3, 64)
		}
		value := ""
		if s.bright.unit != "" {
			value = strconv.FormatFloat(s.bright.value, 'f', -1, 32) // as the surveys have it
		}
		b.WriteString(strings.Join([]string{
			s.survey, s.id, clean(s.object), stamp(s.time), decimal(s.ra), decimal(s.dec), value, s.bright.unit,
			s.from.topic, s.from.partition, s.from.offset, sent, age,
		}, "\t"))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(l.Out, b.String())
	return err
}

func (l *lines) undecodable(all []reject) error {
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "undecodable %v: %s\n", r.from, clean(r.cause))
	}
	_, err := io.WriteString(l.Err, b.String())
	return err
}

// summary returns the final statistics as text.
func summary(v summaryStats) string {
	rate := func(n int64) float64 { return float64(n) / max(v.elapsed.Seconds(), 1e-3) }
	var b strings.Builder
	fmt.Fprintf(&b, "%s messages, %s in %v (%.1f/s, %.2f MB/s), %s waiting\n", cli.Count(v.total.messages), cli.Bytes(v.total.bytes),
		v.elapsed.Round(100*time.Millisecond), rate(v.total.messages), rate(v.total.bytes)/1e6, cli.Count(v.total.lag))
	fmt.Fprintf(&b, "%s alerts, %s undecodable\n", cli.Count(v.alerts), cli.Count(v.undecodable))
	for _, c := range v.causes {
		fmt.Fprintf(&b, "%9s  %s\n", cli.Count(c.n), clean(c.text))
	}
	if v.lost > 0 {
		fmt.Fprintf(&b, "%s lost: gone before they were read\n", cli.Count(v.lost))
	}
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// clean replaces what could break lines, columns and terminals in text from
// packets.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
