package checkstream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

func TestFrame(t *testing.T) {
	b := busy()
	of := layout{title: "ztf_.*,lsst-alerts-v9 at kafka:9092", width: 132, height: 40, now: noon}
	golden(t, "frame.txt", frame(b.summarize(noon), of))

	b.addUndecodable([]reject{{cause: "unknown schema id 7"}, {cause: "unknown schema id 7"}, {cause: "an \x1b[31mevil\x1b[0m cause"}})
	b.lost = 1234
	of.logged = "level=WARN msg=\"brokers are away\""
	of.width, of.height = 80, 17
	golden(t, "small.txt", frame(b.summarize(noon), of))
	golden(t, "summary.txt", summary(b.summarize(noon)))
}

func TestFrameFits(t *testing.T) {
	b := busy()
	for i := range 45 {
		b.setExtents([]stream.Extent{extent(fmt.Sprintf("c/many@x/%d", i), 0, int64(i), 0)})
	}
	all := make([]stream.Extent, 45)
	for i := range all {
		all[i] = extent(fmt.Sprintf("c/many@x/%d", i), 0, int64(i), 0)
	}
	b.setExtents(all)
	for range keptAlerts {
		b.addAlerts(someAlerts())
	}
	v := b.summarize(noon)
	for height := 12; height < 80; height++ {
		for _, width := range []int{20, 80, 200} {
			lines := strings.Split(frame(v, layout{"title", "note", width, height, noon}), "\n")
			assert.LessOrEqual(t, len(lines), height)
			for _, line := range lines {
				assert.LessOrEqual(t, len([]rune(line)), width)
			}
		}
	}
}

func TestMost(t *testing.T) {
	var rows []row
	for i, lag := range []int64{5, 1, 9, 0, 7} {
		rows = append(rows, row{name: label{"t", fmt.Sprint(i)}, lag: lag, messages: 1})
	}
	shown, rest := mostLagging(rows, 3)
	assert.Equal(t, []row{rows[2], rows[4]}, shown)
	assert.Equal(t, row{name: label{topic: "3 more"}, lag: 6, messages: 3}, rest)
	shown, rest = mostLagging(rows, 5)
	assert.Equal(t, rows, shown)
	assert.Zero(t, rest)
}

func TestScreenRedraws(t *testing.T) {
	var out strings.Builder
	s := &screen{Out: &out, Title: "title"}
	b := busy()
	require.NoError(t, s.Watch(b, time.Hour, func() error {
		s.Log().Info("brokers are away")
		s.draw(b.summarize(noon), noon)
		return nil
	}))
	frames := strings.Split(out.String(), "\r\x1b[J")
	require.Len(t, frames, 3)
	assert.Empty(t, frames[0])
	up := fmt.Sprintf("\x1b[%dA", s.drawn)
	assert.True(t, strings.HasSuffix(frames[1], "\n"+up), "the second goes over the first")
	assert.Equal(t, s.drawn, strings.Count(frames[1], "\n"))
	assert.Contains(t, frames[2], "brokers are away")
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0s", 1234 * time.Millisecond: "1.2s", 90 * time.Second: "2m", 3 * time.Hour: "3h", 72 * time.Hour: "3d", -time.Second: "-1.0s",
	} {
		assert.Equal(t, want, ageOf(d))
	}
}

func TestLines(t *testing.T) {
	var out, errs strings.Builder
	l := &lines{Out: &out, Err: &errs}
	require.NoError(t, l.alerts(someAlerts(), noon))
	require.NoError(t, l.undecodable([]reject{{position{"t", "3", "17"}, "two\nlines"}}))
	golden(t, "lines.txt", out.String())
	assert.Equal(t, "undecodable t/3@17: two\uFFFDlines\n", errs.String())
	for line := range strings.Lines(out.String()) {
		assert.Equal(t, 12, strings.Count(line, "\t"))
	}
}
