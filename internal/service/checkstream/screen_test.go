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
	of := frame{title: "ztf_.*,lsst-alerts-v9 at kafka:9092", width: 132, height: 40, now: noon}
	golden(t, "frame.txt", of.text(b.report(noon)))

	b.addRejects([]rejectRow{{cause: "unknown schema id 7"}, {cause: "unknown schema id 7"}, {cause: "an \x1b[31mevil\x1b[0m cause"}})
	b.lost = 1234
	of.note = "level=WARN msg=\"brokers are away\""
	of.width, of.height = 80, 17
	golden(t, "small.txt", of.text(b.report(noon)))
	golden(t, "summary.txt", summary(b.report(noon)))
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
	v := b.report(noon)
	for height := 12; height < 80; height++ {
		for _, width := range []int{20, 80, 200} {
			lines := strings.Split(frame{"title", "note", width, height, noon}.text(v), "\n")
			assert.LessOrEqual(t, len(lines), height)
			for _, line := range lines {
				assert.LessOrEqual(t, len([]rune(line)), width)
			}
		}
	}
}

// TestFrameOf80Columns checks that nothing important is cut off.
func TestFrameOf80Columns(t *testing.T) {
	s := busy()
	long := extent("c/"+strings.Repeat("long", 20)+"@x/0", 0, 1234, 0)
	s.setExtents([]stream.Extent{long})
	text := frame{title: "title", width: 80, height: 24, now: noon}.text(s.report(noon))
	assert.Contains(t, text, "longlonglonglonglonglonglo…     0             0        0.0      0.00       1,234\n")
	assert.Contains(t, text, "lsst    150000110592000064   11:00:00  360.00000  +89.90000    -2742 nJy      2d\n")
	assert.NotContains(t, text, "171237941044051969")
	text = frame{title: "title", width: widthWithID, height: 24, now: noon}.text(s.report(noon))
	assert.Contains(t, text, "lsst    171237941044051969   150000110592000064   11:00:00  360.00000  +89.90000    -2742 nJy      2d\n")
}

func TestHighestLag(t *testing.T) {
	var rows []partitionRow
	for i, lag := range []int64{5, 1, 9, 0, 7} {
		rows = append(rows, partitionRow{name: label{"t", fmt.Sprint(i)}, lag: lag, messages: 1})
	}
	shown, rest := highestLag(rows, 3)
	assert.Equal(t, []partitionRow{rows[2], rows[4]}, shown)
	assert.Equal(t, partitionRow{name: label{topic: "3 more"}, lag: 6, messages: 3}, rest)
	shown, rest = highestLag(rows, 5)
	assert.Equal(t, rows, shown)
	assert.Zero(t, rest)
}

func TestScreenRedraws(t *testing.T) {
	var out strings.Builder
	s := &screen{Out: &out, Title: "title"}
	b := busy()
	require.NoError(t, s.Watch(b, time.Hour, func() error {
		s.Log().Info("brokers are away")
		s.draw(b.report(noon), noon)
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
	require.NoError(t, l.rejects([]rejectRow{{messageID{"t", "3", "17"}, "two\nlines"}}))
	golden(t, "lines.txt", out.String())
	assert.Equal(t, "undecodable t/3@17: two\uFFFDlines\n", errs.String())
	for line := range strings.Lines(out.String()) {
		assert.Equal(t, 12, strings.Count(line, "\t"))
	}
}
