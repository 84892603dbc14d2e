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

// screen draws stats on a terminal, each frame over the last one.
type screen struct {
	Out   io.Writer
	Title string

	mu    sync.Mutex
	note  string // the last line that was logged
	drawn int    // lines of the last frame
}

// Watch runs a job and draws stats until it returns.
func (s *screen) Watch(st *stats, every time.Duration, job func() error) error {
	show := func() {
		now := time.Now()
		s.draw(st.report(now), now)
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
	w.s.note = clean(strings.TrimSpace(string(p)))
	return len(p), nil
}

// draw draws a frame over the last one.
func (s *screen) draw(r report, now time.Time) {
	columns, height, ok := cli.Terminal(s.Out)
	if !ok {
		columns, height = 80, 24
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := frame{s.Title, s.note, columns, height, now}.text(r)
	back := ""
	if s.drawn > 0 {
		back = fmt.Sprintf("\x1b[%dA", s.drawn)
	}
	fmt.Fprintf(s.Out, "%s\r\x1b[J%s", back, text)
	s.drawn = strings.Count(text, "\n")
}

// frame is what a frame shows besides the report, and its size.
type frame struct {
	title, note   string
	width, height int
	now           time.Time
}

// text returns a frame that fits into width and height. The alerts take up to
// half of the lines, and the partitions with the highest lag the others.
func (f frame) text(r report) string {
	foot := f.footer(r)
	const fixed = 6 // title, two headings, two blanks, the cursor's line
	room := f.height - fixed - len(foot)
	alerts := r.newest[max(0, len(r.newest)-max(1, room/2)):]
	lines := []string{fmt.Sprintf("%s   %v", f.title, r.elapsed.Round(time.Second)), ""}
	lines = append(lines, f.partitionTable(r, max(1, room-len(alerts)-2))...)
	lines = append(lines, "")
	lines = append(lines, f.alertTable(alerts)...)
	lines = append(lines, foot...)
	for i, line := range lines {
		lines[i] = strings.TrimRight(cut(line, f.width), " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// partitionTable returns the heading, n partitions and the total. Topics are
// cut so that the numbers stay visible.
func (f frame) partitionTable(r report, n int) []string {
	const numbers = 53 // columns after the topic
	wide := len("TOPIC")
	for _, row := range r.rows {
		wide = max(wide, len([]rune(row.name.topic)))
	}
	wide = max(len("TOPIC"), min(wide, f.width-numbers))
	lines := []string{fmt.Sprintf("%-*s  %4s  %12s  %9s  %8s  %10s", wide, "TOPIC", "PART", "MESSAGES", "MSG/S", "MB/S", "LAG")}
	rows, rest := highestLag(r.rows, n)
	if rest.name.topic != "" {
		rows = append(rows, rest)
	}
	r.total.name = label{topic: "total"}
	for _, row := range append(rows, r.total) {
		lines = append(lines, fmt.Sprintf("%-*s  %4s  %12s  %9.1f  %8.2f  %10s", wide, cut(row.name.topic, wide), row.name.number,
			cli.Count(row.messages), row.rate, row.byteRate/1e6, cli.Count(row.lag)))
	}
	return lines
}

// highestLag returns the n rows with the highest lag, in their order, and the
// sum of the others, which has no name if there are none.
func highestLag(rows []partitionRow, n int) (shown []partitionRow, rest partitionRow) {
	if len(rows) <= n {
		return slices.Clone(rows), rest
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

// Widths from which the table of alerts has its optional columns. Without them
// it is 80 wide.
const (
	widthWithID   = 101
	widthWithDate = 112
)

// alertTable returns the heading and the alerts, the newest first.
func (f frame) alertTable(alerts []alertRow) []string {
	id, clock := "", time.TimeOnly
	if f.width >= widthWithID {
		id = "%-19[2]s  "
	}
	if f.width >= widthWithDate {
		clock = time.DateTime
	}
	format := "%-6[1]s  " + id + fmt.Sprintf("%%-19[3]s  %%-%d[4]s  %%9[5]s  %%9[6]s  %%11[7]s  %%6[8]s", len(clock))
	lines := []string{fmt.Sprintf(format, "SURVEY", "ALERT", "OBJECT", "TIME UTC", "RA", "DEC", "BRIGHTNESS", "AGE")}
	for _, a := range slices.Backward(alerts) {
		age := ""
		if !a.sent.IsZero() {
			age = ageOf(f.now.Sub(a.sent))
		}
		lines = append(lines, fmt.Sprintf(format, cut(a.survey, 6), cut(a.id, 19), cut(clean(a.object), 19), a.time.UTC().Format(clock),
			fmt.Sprintf("%.5f", a.ra), fmt.Sprintf("%+.5f", a.dec), a.brightness, age))
	}
	return lines
}

// String returns the brightness with two decimals of a magnitude, or in whole
// units of flux.
func (b brightness) String() string {
	switch b.unit {
	case "":
		return ""
	case "mag":
		return fmt.Sprintf("%.2f mag", b.value)
	}
	return fmt.Sprintf("%.0f %s", b.value, b.unit)
}

// ageOf returns a duration with at most four characters and a unit.
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

// footer returns the lines below the alerts.
func (f frame) footer(r report) (lines []string) {
	if r.rejected > 0 {
		text := fmt.Sprintf("undecodable %s:", cli.Count(r.rejected))
		for i, c := range r.causes {
			if i > 0 {
				text += ";"
			}
			text += fmt.Sprintf(" %s × %s", cli.Count(c.n), clean(c.text))
		}
		lines = append(lines, text)
	}
	if r.lost > 0 {
		lines = append(lines, fmt.Sprintf("lost %s: gone before they were read", cli.Count(r.lost)))
	}
	if f.note != "" {
		lines = append(lines, f.note)
	}
	if len(lines) > 0 {
		lines = append([]string{""}, lines...)
	}
	return lines
}

// cut shortens a text to a width, so that no line wraps.
func cut(text string, width int) string {
	if r := []rune(text); len(r) > width {
		return string(r[:max(0, width-1)]) + "…"
	}
	return text
}
