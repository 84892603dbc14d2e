package checkstream

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// screen draws statistics on a terminal, each frame over the last.
type screen struct {
	Out   io.Writer
	Title string

	mu     sync.Mutex
	logged string // the last line
	drawn  int    // lines of the last frame
}

// Watch runs a job and draws its statistics meanwhile.
func (s *screen) Watch(st *stats, every time.Duration, job func() error) error {
	show := func() {
		now := time.Now()
		s.draw(st.summarize(now), now)
	}
	err := cli.Meanwhile(every, show, job)
	show()
	return err
}

// Log returns a logger whose last line is shown in the frame.
func (s *screen) Log() *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{s}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type logWriter struct{ s *screen }

func (w logWriter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.logged = clean(strings.TrimSpace(string(p)))
	return len(p), nil
}

// draw draws a frame over the last one.
func (s *screen) draw(v summaryStats, now time.Time) {
	columns, height, ok := cli.Terminal(s.Out)
	if !ok {
		columns, height = 80, 24
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := frame(v, layout{s.Title, s.logged, columns, height, now})
	back := ""
	if s.drawn > 0 {
		back = fmt.Sprintf("\x1b[%dA", s.drawn)
	}
	fmt.Fprintf(s.Out, "%s\r\x1b[J%s", back, text)
	s.drawn = strings.Count(text, "\n")
}

// layout is what a frame needs besides the statistics.
type layout struct {
	title, logged string
	width, height int
	now           time.Time
}

// frame returns the text of a frame, which fits the width and height. If there
// is no room for all partitions, it shows those with the largest lag.
func frame(v summaryStats, f layout) string {
	foot := footer(v, f)
	const fixed = 6 // title, two headings, two blanks, the cursor's line
	room := f.height - fixed - len(foot)
	alerts := v.newest[max(0, len(v.newest)-max(1, room/2)):]
	rows, rest := mostLagging(v.rows, max(1, room-len(alerts)-2))
	lines := []string{fmt.Sprintf("%s   %v", f.title, v.elapsed.Round(time.Second)), ""}
	wide := len("TOPIC")
	for _, r := range v.rows {
		wide = max(wide, len(r.name.topic))
	}
	wide = min(wide, max(f.width-partitionWidth, len("TOPIC")))
	lines = append(lines, fmt.Sprintf("%-*s  %4s  %12s  %9s  %8s  %10s", wide, "TOPIC", "PART", "MESSAGES", "MSG/S", "MB/S", "LAG"))
	for _, r := range rows {
		lines = append(lines, r.line(wide))
	}
	if rest.name.topic != "" {
		lines = append(lines, rest.line(wide))
	}
	total := v.total
	total.name = label{topic: "total"}
	lines = append(lines, total.line(wide), "")
	lines = append(lines, alertHeading(f.width))
	for _, a := range slices.Backward(alerts) {
		lines = append(lines, a.line(f.now, f.width))
	}
	lines = append(lines, foot...)
	for i, line := range lines {
		lines[i] = strings.TrimRight(cut(line, f.width), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// footer returns the lines below the alerts.
func footer(v summaryStats, f layout) (lines []string) {
	if v.undecodable > 0 {
		text := fmt.Sprintf("undecodable %s:", cli.Count(v.undecodable))
		for i, c := range v.causes {
			if i > 0 {
				text += ";"
			}
			text += fmt.Sprintf(" %s × %s", cli.Count(c.n), clean(c.text))
		}
		lines = append(lines, text)
	}
	if v.lost > 0 {
		lines = append(lines, fmt.Sprintf("lost %s: gone before they were read", cli.Count(v.lost)))
	}
	if f.logged != "" {
		lines = append(lines, f.logged)
	}
	if len(lines) > 0 {
		lines = append([]string{""}, lines...)
	}
	return lines
}

// mostLagging returns the n rows with the largest lag, in their original order,
// and the sum of the others, which has no name if there are none.
func mostLagging(rows []row, n int) (shown []row, rest row) {
	if len(rows) <= n {
		return rows, rest
	}
	n = max(n-1, 0) // the rest takes a line
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[b].lag, rows[a].lag) })
	for _, i := range order[n:] {
		rest.add(rows[i])
	}
	rest.name.topic = fmt.Sprintf("%d more", len(rows)-n)
	slices.Sort(order[:n])
	for _, i := range order[:n] {
		shown = append(shown, rows[i])
	}
	return shown, rest
}

// partitionWidth is the width of a partition's line without the topic.
const partitionWidth = 2 + 4 + 2 + 12 + 2 + 9 + 2 + 8 + 2 + 10

func (r row) line(wide int) string {
	return fmt.Sprintf("%-*s  %4s  %12s  %9.1f  %8.2f  %10s", wide, cut(r.name.topic, wide), r.name.number,
		cli.Count(r.messages), r.rate, r.byteRate/1e6, cli.Count(r.lag))
}

// The columns of an alert: wideAlert needs 117 columns, narrowAlert 78.
const (
	wideAlert   = "%-6s  %-19s  %-19s  %-19s  %10s  %10s  %13s  %7s"
	narrowAlert = "%-6s  %-19s  %-8s  %8s  %8s  %11s  %6s"
	wideWidth   = 117
)

func alertHeading(width int) string {
	if width >= wideWidth {
		return fmt.Sprintf(wideAlert, "SURVEY", "ALERT", "OBJECT", "TIME (UTC)", "RA", "DEC", "BRIGHTNESS", "AGE")
	}
	return fmt.Sprintf(narrowAlert, "SURVEY", "OBJECT", "UTC", "RA", "DEC", "BRIGHTNESS", "AGE")
}

func (a alertRow) line(now time.Time, width int) string {
	bright, age := "", ""
	if a.bright.unit != "" {
		digits := 2
		if a.bright.unit != "mag" {
			digits = 0
		}
		bright = fmt.Sprintf("%.*f %s", digits, a.bright.value, a.bright.unit)
	}
	if !a.sent.IsZero() {
		age = ageOf(now.Sub(a.sent))
	}
	t := a.time.UTC()
	if width >= wideWidth {
		return fmt.Sprintf(wideAlert, a.survey, a.id, clean(a.object), t.Format(time.DateTime),
			fmt.Sprintf("%.5f", a.ra), fmt.Sprintf("%+.5f", a.dec), bright, age)
	}
	object := a.object
	if object == "" {
		object = a.id
	}
	return fmt.Sprintf(narrowAlert, cut(a.survey, 6), cut(clean(object), 19), t.Format(time.TimeOnly),
		fmt.Sprintf("%.4f", a.ra), fmt.Sprintf("%+.4f", a.dec), bright, age)
}

// ageOf formats a duration briefly.
func ageOf(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0fh", d.Hours())
	}
	return fmt.Sprintf("%.0fd", d.Hours()/24)
}

// cut shortens text to a width.
func cut(line string, width int) string {
	if r := []rune(line); len(r) > width {
		return string(r[:max(0, width-1)]) + "…"
	}
	return line
}
