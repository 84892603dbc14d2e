package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/internal/printable"
	"github.com/skyfinch/skyfinch/stream"
)

// Meter shows the progress of a job.
type Meter struct {
	// Mode is auto, json or off. auto draws a line on Err if that is a
	// terminal. json writes an object a second to Out; the last one is the
	// summary.
	Mode     string
	Out, Err io.Writer
}

// Modes are the values of Meter.Mode.
var Modes = []string{"auto", "json", "off"}

// Watch runs a job and shows its progress until it returns.
func (m Meter) Watch(progress func() stream.Progress, job func() error) error {
	show := m.display()
	if show == nil {
		return job()
	}
	err := Meanwhile(m.every(), func() { show(progress()) }, job)
	if m.Mode == "auto" {
		fmt.Fprint(m.Err, "\r\x1b[K")
	}
	return err
}

// Meanwhile runs a job and calls show at intervals from another goroutine. When
// it returns, neither runs any more.
func Meanwhile(every time.Duration, show func(), job func() error) error {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				show()
			case <-stop:
				return
			}
		}
	}()
	err := job()
	close(stop)
	<-stopped
	return err
}

func (m Meter) every() time.Duration {
	if m.Mode == "json" {
		return time.Second
	}
	return 200 * time.Millisecond
}

// display returns the function that shows progress, or nil if none is shown.
func (m Meter) display() func(stream.Progress) {
	switch {
	case m.Mode == "json":
		warned := false
		return func(p stream.Progress) {
			if err := m.writeJSON(p); err != nil && !warned {
				warned = true
				Log().Warn("the work continues, but its progress cannot be printed", "err", err)
			}
		}
	case m.Mode == "auto":
		if _, _, ok := Terminal(m.Err); ok {
			return func(p stream.Progress) { fmt.Fprintf(m.Err, "\r\x1b[K%s", progressLine(p)) }
		}
	}
	return nil
}

// Summary writes the result of a job to Out: an object in mode json, otherwise
// text. where is the archive.
func (m Meter) Summary(p stream.Progress, where string) error {
	if m.Mode == "json" {
		return m.writeJSON(p)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "archived  %s alerts of %s messages in %s, %s (%s/s)\n", Count(p.Written), Count(p.Read),
		p.Elapsed.Round(10*time.Millisecond), plural(p.Batches, "batch", "batches"), rate(p))
	if p.Rejected > 0 {
		fmt.Fprintf(&text, "rejected  %s, whole and with their causes in %s/rejected\n", Count(p.Rejected), where)
	}
	for _, cause := range commonest(p.Causes, 3) {
		fmt.Fprintf(&text, "  %9s  %s\n", Count(p.Causes[cause]), printable.Text(cause))
	}
	if p.Lost > 0 {
		fmt.Fprintf(&text, "lost      %s, gone before they were read: the ledger says which\n", Count(p.Lost))
	}
	if p.Dropped > 0 {
		fmt.Fprintf(&text, "left out  %s\n", Count(p.Dropped))
	}
	if l := p.Latency; l.Count() > 0 {
		fmt.Fprintf(&text, "latency   half within %s, 99%% within %s, at most %s after the messages' own times\n",
			rounded(l.Quantile(0.5)), rounded(l.Quantile(0.99)), rounded(l.Max()))
	}
	fmt.Fprintf(&text, "files     %s, %s in %s\n", Count(p.Files), Bytes(p.Bytes), where)
	_, err := io.WriteString(m.Out, text.String())
	return err
}

// commonest returns the n causes with the highest counts.
func commonest(causes map[string]int64, n int) []string {
	all := slices.SortedFunc(maps.Keys(causes), func(a, b string) int {
		return cmp.Or(cmp.Compare(causes[b], causes[a]), cmp.Compare(a, b))
	})
	return all[:min(n, len(all))]
}

func (m Meter) writeJSON(p stream.Progress) error {
	return json.NewEncoder(m.Out).Encode(struct {
		Read     int64   `json:"read"`
		Written  int64   `json:"written"`
		Rejected int64   `json:"rejected"`
		Dropped  int64   `json:"dropped"`
		Lost     int64   `json:"lost"`
		Batches  int64   `json:"batches"`
		Files    int64   `json:"files"`
		Bytes    int64   `json:"bytes"`
		Reading  int64   `json:"reading"`
		Waiting  int64   `json:"waiting"`
		Seconds  float64 `json:"seconds"`
		Latency  latency `json:"latency"`
	}{p.Read, p.Written, p.Rejected, p.Dropped, p.Lost, p.Batches, p.Files, p.Bytes, p.Reading, p.Waiting, p.Elapsed.Seconds(), latencyOf(p.Latency)})
}

// latency is a stream.Latency in JSON, in seconds.
type latency struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func latencyOf(l stream.Latency) latency {
	return latency{l.Count(), l.Quantile(0.5).Seconds(), l.Quantile(0.99).Seconds(), l.Max().Seconds()}
}

// rounded returns d with about three digits, or in whole seconds.
func rounded(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < time.Minute:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(time.Second)
}

func progressLine(p stream.Progress) string {
	text := fmt.Sprintf("%s read, %s archived", Count(p.Read+p.Reading), Count(p.Written))
	if p.Rejected > 0 {
		text += fmt.Sprintf(", %s rejected", Count(p.Rejected))
	}
	if n := p.Waiting - p.Reading; n > 0 {
		text += fmt.Sprintf(", %s waiting", Count(n))
	}
	return text + fmt.Sprintf(", %s, %s/s", Bytes(p.Bytes), rate(p))
}

func rate(p stream.Progress) string {
	if p.Elapsed <= 0 {
		return "0"
	}
	return Count(int64(float64(p.Read+p.Reading) / p.Elapsed.Seconds()))
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}
