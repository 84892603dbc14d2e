package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/stream"
)

// Meter shows the progress of a job.
type Meter struct {
	// Mode is auto, json or off: auto draws a line on Err if that is a
	// terminal, json writes an object a second to Out; the last one is the
	// summary.
	Mode     string
	Out, Err io.Writer
}

// Modes are the values of Meter.Mode.
var Modes = []string{"auto", "json", "off"}

// Watch runs a job and shows its progress meanwhile.
func (m Meter) Watch(progress func() stream.Progress, job func() error) error {
	show := m.shower()
	if show == nil {
		return job()
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		t := time.NewTicker(m.every())
		defer t.Stop()
		for {
			select {
			case <-t.C:
				show(progress())
			case <-stop:
				return
			}
		}
	}()
	err := job()
	close(stop)
	<-stopped
	if m.Mode == "auto" {
		fmt.Fprint(m.Err, "\r\x1b[K")
	}
	return err
}

func (m Meter) every() time.Duration {
	if m.Mode == "json" {
		return time.Second
	}
	return 200 * time.Millisecond
}

// shower returns what shows a state of the job, or nil.
func (m Meter) shower() func(stream.Progress) {
	switch {
	case m.Mode == "json":
		return func(p stream.Progress) { m.writeJSON(p) }
	case m.Mode == "auto" && isTerminal(m.Err):
		return func(p stream.Progress) { fmt.Fprintf(m.Err, "\r\x1b[K%s", line(p)) }
	}
	return nil
}

// Summary shows the end of a job: an object in mode json, else words.
func (m Meter) Summary(p stream.Progress, where string) {
	if m.Mode == "json" {
		m.writeJSON(p)
		return
	}
	fmt.Fprintf(m.Out, "archived  %s of %s messages in %s, %s (%s/s)\n",
		count(p.Written, "alerts"), thousands(p.Read), p.Elapsed.Round(10*time.Millisecond), plural(p.Batches, "batch", "batches"), rate(p))
	if p.Rejected > 0 {
		fmt.Fprintf(m.Out, "rejected  %s, with their causes in %s/rejected\n", thousands(p.Rejected), where)
	}
	if p.Dropped > 0 {
		fmt.Fprintf(m.Out, "left out  %s\n", thousands(p.Dropped))
	}
	fmt.Fprintf(m.Out, "files     %s, %s in %s\n", thousands(p.Files), size(p.Bytes), where)
}

func (m Meter) writeJSON(p stream.Progress) {
	json.NewEncoder(m.Out).Encode(struct {
		Read     int64   `json:"read"`
		Written  int64   `json:"written"`
		Rejected int64   `json:"rejected"`
		Dropped  int64   `json:"dropped"`
		Batches  int64   `json:"batches"`
		Files    int64   `json:"files"`
		Bytes    int64   `json:"bytes"`
		Reading  int64   `json:"reading"`
		Seconds  float64 `json:"seconds"`
	}{p.Read, p.Written, p.Rejected, p.Dropped, p.Batches, p.Files, p.Bytes, p.Reading, p.Elapsed.Seconds()})
}

func line(p stream.Progress) string {
	text := fmt.Sprintf("%s read, %s archived", thousands(p.Read+p.Reading), thousands(p.Written))
	if p.Rejected > 0 {
		text += fmt.Sprintf(", %s rejected", thousands(p.Rejected))
	}
	return text + fmt.Sprintf(", %s, %s/s", size(p.Bytes), rate(p))
}

func rate(p stream.Progress) string {
	if p.Elapsed <= 0 {
		return "0"
	}
	return thousands(int64(float64(p.Read+p.Reading) / p.Elapsed.Seconds()))
}

func count(n int64, what string) string { return thousands(n) + " " + what }

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
