package benchmark

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/internal/cli"
)

// result holds all measurements.
type result struct {
	Title        string
	Alerts       int64
	Compressions []string
	Runs         []map[string]measurement // by label
}

// label returns the name of a phase in the table.
func label(p phase, compression string) string {
	switch p {
	case fetch:
		return "plain fetch"
	case read:
		return "stream/kafka"
	case write:
		return "plain write, " + compression
	}
	return "archive, " + compression
}

// labels returns the phases in the order of the table.
func (r *result) labels() []string {
	all := []string{label(fetch, ""), label(read, "")}
	for _, c := range r.Compressions {
		all = append(all, label(write, c), label(archiveAll, c))
	}
	return all
}

// write writes the medians over the runs, and the archive's time relative to the
// plain fetch and write of the same run.
func (r *result) write(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, medians of %d\n\n", r.Title, len(r.Runs))
	fmt.Fprintf(&text, "%-20s%9s%10s%7s%13s%9s%7s%8s\n", "", "seconds", "alerts/s", "MB/s", "CPU s/1,000", "peak MB", "files", "MB")
	for _, name := range r.labels() {
		text.WriteString(r.row(name))
	}
	fmt.Fprintln(&text)
	for _, c := range r.Compressions {
		all := r.ratios(c)
		fmt.Fprintf(&text, "archive / (plain fetch + plain write), %s: %.2f (%.2f to %.2f)\n", c, median(all), slices.Min(all), slices.Max(all))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (r *result) row(name string) string {
	of := func(value func(measurement) float64) float64 { return r.median(name, value) }
	wall := of(func(m measurement) float64 { return m.Wall.Seconds() })
	bytes := of(func(m measurement) float64 { return float64(m.Bytes) })
	cpu := of(func(m measurement) float64 { return m.CPU.Seconds() })
	peak := of(func(m measurement) float64 { return float64(m.Peak) })
	files := of(func(m measurement) float64 { return float64(len(m.Files)) })
	size := of(func(m measurement) float64 { return float64(sum(m.Files)) })
	n := float64(r.Alerts)
	return fmt.Sprintf("%-20s%9.2f%10s%7s%13.3f%9s%7s%8s\n", name, wall, thousands(n/wall), thousands(bytes/1e6/wall),
		cpu/n*1000, orDash(peak/1e6), orDash(files), orDash(size/1e6))
}

// ratios returns, for each run, the archive's wall time divided by that of the
// plain fetch and write together.
func (r *result) ratios(compression string) []float64 {
	var out []float64
	for _, run := range r.Runs {
		plain := run[label(fetch, "")].Wall + run[label(write, compression)].Wall
		out = append(out, float64(run[label(archiveAll, compression)].Wall)/float64(max(plain, time.Nanosecond)))
	}
	return out
}

func (r *result) median(name string, of func(measurement) float64) float64 {
	var all []float64
	for _, run := range r.Runs {
		all = append(all, of(run[name]))
	}
	return median(all)
}

// median returns the middle value, the lower one of an even number.
func median[T cmp.Ordered](all []T) T {
	return slices.Sorted(slices.Values(all))[(len(all)-1)/2]
}

func sum(all []int64) (n int64) {
	for _, x := range all {
		n += x
	}
	return n
}

func orDash(x float64) string {
	if x == 0 {
		return "-"
	}
	return thousands(x)
}

func thousands(x float64) string { return cli.Count(int64(math.Round(x))) }
