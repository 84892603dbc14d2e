package crossmatch

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	sky "github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream"
)

// counter counts and shows the results.
type counter struct {
	phase     atomic.Pointer[string] // what is done before the first position
	positions atomic.Int64
	rows      atomic.Int64
	names     []string
	status    []map[string]*atomic.Int64 // of each catalogue
	cause     string                     // of the first failure
	shown     bool                       // progress is drawn on a terminal
	since     time.Time
	started   time.Time
	timeless  int64 // positions without a time of observation
}

var statuses = []string{"match", "none", "invalid", "failed"}

// setPhase sets the text that is shown until the first position.
func (c *counter) setPhase(text string) { c.phase.Store(&text) }

// printLine prints a line on standard error that progress does not overwrite.
func (c *counter) printLine(text string) {
	if c.shown {
		text = clearLine + text
	}
	fmt.Fprintln(os.Stderr, text)
}

// clearLine returns to the start of a line and clears it.
const clearLine = "\r\x1b[K"

// begin starts to count the matches of joins.
func (c *counter) begin(joins []sky.Join) {
	for _, j := range joins {
		c.names = append(c.names, j.Name)
		counts := map[string]*atomic.Int64{}
		for _, s := range statuses {
			counts[s] = new(atomic.Int64)
		}
		c.status = append(c.status, counts)
	}
	c.since = time.Now()
	c.phase.Store(nil)
}

// count counts the rows of a result.
func (c *counter) count(matched arrow.Record) {
	for i, name := range c.names {
		column := matched.Column(matched.Schema().FieldIndices(name + "_match")[0]).(*array.String)
		for k := range column.Len() {
			if n := c.status[i][column.Value(k)]; n != nil && column.IsValid(k) {
				n.Add(1)
			}
		}
		causes := matched.Column(matched.Schema().FieldIndices(name + "_cause")[0]).(*array.String)
		for k := 0; c.cause == "" && k < causes.Len() && causes.NullN() < causes.Len(); k++ {
			if causes.IsValid(k) {
				c.cause = causes.Value(k)
			}
		}
	}
	c.rows.Add(matched.NumRows())
}

// jobStatus returns what has been matched, as the status of a job.
func (c *counter) jobStatus() stream.Status {
	n := c.positions.Load()
	return stream.Status{
		Time: time.Now(), Stage: stream.StageTransform, Since: c.started,
		Progress: stream.Progress{Counts: stream.Counts{Read: n, Written: n}},
	}
}

// watch draws the progress on a terminal until stop is called.
func (c *counter) watch(o *options) (stop func()) {
	_, _, shown := cli.Terminal(os.Stderr)
	if _, _, mixed := cli.Terminal(os.Stdout); !shown || o.mode == "off" || mixed && o.toStdout() {
		return func() {}
	}
	c.shown = true
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		cli.Meanwhile(200*time.Millisecond, func() { fmt.Fprintf(os.Stderr, "%s%s", clearLine, c.line()) }, func() error { <-end; return nil })
		fmt.Fprint(os.Stderr, clearLine)
	}()
	done := false
	return func() {
		if !done {
			done = true
			close(end)
			<-ended
		}
	}
}

func (c *counter) line() string {
	if text := c.phase.Load(); text != nil {
		return *text
	}
	n := c.positions.Load()
	text := fmt.Sprintf("%s positions", cli.Count(n))
	if n > 0 {
		text += fmt.Sprintf(", %s/s", cli.Count(int64(float64(n)/time.Since(c.since).Seconds())))
		for i, name := range c.names {
			text += fmt.Sprintf(", %s %s", name, cli.Count(c.status[i]["match"].Load()))
		}
	}
	return text
}

// summary returns the final counts.
func (c *counter) summary() string {
	var out strings.Builder
	elapsed := time.Since(c.since)
	fmt.Fprintf(&out, "%s positions, %s rows written, in %s\n", cli.Count(c.positions.Load()), cli.Count(c.rows.Load()), elapsed.Round(time.Millisecond))
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	heading := "catalogue"
	if c.rows.Load() != c.positions.Load() { // with -all, a position has a row for each match
		heading = "rows of"
	}
	fmt.Fprintf(w, "%s\t%s\t\n", heading, strings.Join(statuses, "\t"))
	for i, name := range c.names {
		fmt.Fprintf(w, "%s\t", name)
		for _, s := range statuses {
			fmt.Fprintf(w, "%s\t", cli.Count(c.status[i][s].Load()))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	if c.timeless > 0 {
		fmt.Fprintf(&out, "%s positions have no time of observation: no row was moved for them\n", cli.Count(c.timeless))
	}
	return out.String()
}

// failure returns an error if a catalogue failed for some positions.
func (c *counter) failure(o *options) error {
	var failed []string
	for i, name := range c.names {
		if n := c.status[i]["failed"].Load(); n > 0 {
			failed = append(failed, fmt.Sprintf("%s failed for %s", name, cli.Count(n)))
		}
	}
	if failed == nil {
		return nil
	}
	text := strings.Join(failed, ", ") + ": " + c.cause
	if o.format == parquetFormat && !o.toStdout() {
		text += fmt.Sprintf(": match those again later, with -retry -positions %s", o.out)
	}
	return fmt.Errorf("%s", text)
}
