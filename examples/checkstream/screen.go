package main

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

// screen shows a board on a terminal, again and again in the same place.
type screen struct {
	Out   io.Writer
	Title string

	mu    sync.Mutex
	notes string // the last line that was logged
	drawn int    // lines of the last frame
}

// Watch runs a job and shows the board meanwhile.
func (s *screen) Watch(b *board, every time.Duration, job func() error) error {
	show := func() {
		now := time.Now()
		s.draw(b.look(now), now)
	}
	err := cli.Meanwhile(every, show, job)
	show()
	return err
}

// Log returns a logger whose last line is part of the frame.
func (s *screen) Log() *slog.Logger {
	return slog.New(slog.NewTextHandler(noteWriter{s}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type noteWriter struct{ s *screen }

func (w noteWriter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.notes = clean(strings.TrimSpace(string(p)))
	return len(p), nil
}

// draw puts a frame in the place of the last one.
func (s *screen) draw(v view, now time.Time) {
	columns, height, ok := cli.Terminal(s.Out)
	if !ok {
		columns, height = 80, 24
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := frame(v, frameOf{s.Title, s.notes, columns, height, now})
	back := ""
	if s.drawn > 0 {
		back = fmt.Sprintf("\x1b[%dA", s.drawn)
	}
	fmt.Fprintf(s.Out, "%s\r\x1b[J%s", back, text)
	s.drawn = strings.Count(text, "\n")
}

// frameOf is what a frame needs beside the view.
type frameOf struct {
	title, note   string
	width, height int
	now           time.Time
}

// frame returns the text of a view, which fits into width and height: the
// partitions that lag most take what the alerts leave.
func frame(v view, f frameOf) string {
	foot := footer(v, f)
	const fixed = 6 // title, two headings, two blanks, the cursor's line
	room := f.height - fixed - len(foot)
	alerts := v.last[max(0, len(v.last)-max(1, room/2)):]
	rows, rest := most(v.rows, max(1, room-len(alerts)-2))
	lines := []string{fmt.Sprintf("%s   %v", f.title, v.elapsed.Round(time.Second)), ""}
	wide := len("TOPIC")
	for _, r := range v.rows {
		wide = max(wide, len(r.name.topic))
	}
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
	lines = append(lines, fmt.Sprintf(alertLine, "SURVEY", "ALERT", "OBJECT", "TIME (UTC)", "RA", "DEC", "BRIGHTNESS", "AGE"))
	for _, s := range slices.Backward(alerts) {
		lines = append(lines, s.line(f.now))
	}
	lines = append(lines, foot...)
	for i, line := range lines {
		lines[i] = strings.TrimRight(cut(line, f.width), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// footer is what there is to say below the alerts.
func footer(v view, f frameOf) (lines []string) {
	if v.bad > 0 {
		text := fmt.Sprintf("undecodable %s:", cli.Count(v.bad))
		for i, c := range v.why {
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
	if f.note != "" {
		lines = append(lines, f.note)
	}
	if len(lines) > 0 {
		lines = append([]string{""}, lines...)
	}
	return lines
}

// most returns the n rows that lag most, in the order they had, and the sum of
// the others, which has no name if there are none.
func most(rows []row, n int) (shown []row, rest row) {
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

func (r row) line(wide int) string {
	return fmt.Sprintf("%-*s  %4s  %12s  %9.1f  %8.2f  %10s", wide, r.name.topic, r.name.number,
		cli.Count(r.messages), r.rate, r.byteRate/1e6, cli.Count(r.lag))
}

const alertLine = "%-6s  %-19s  %-19s  %-19s  %10s  %10s  %13s  %7s"

func (s sighting) line(now time.Time) string {
	bright, age := "", ""
	if s.bright.unit != "" {
		digits := 2
		if s.bright.unit != "mag" {
			digits = 0
		}
		bright = fmt.Sprintf("%.*f %s", digits, s.bright.value, s.bright.unit)
	}
	if !s.sent.IsZero() {
		age = ageOf(now.Sub(s.sent))
	}
	return fmt.Sprintf(alertLine, s.survey, s.id, clean(s.object), s.time.UTC().Format(time.DateTime),
		fmt.Sprintf("%.5f", s.ra), fmt.Sprintf("%+.5f", s.dec), bright, age)
}

// ageOf writes a time that has passed, shortly.
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

// cut keeps a line from wrapping.
func cut(line string, width int) string {
	if r := []rune(line); len(r) > width {
		return string(r[:max(0, width-1)]) + "…"
	}
	return line
}
