package checkstream

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/stream"
)

func TestLabel(t *testing.T) {
	for name, want := range map[string]label{
		ztf1:                 {"ztf_20260701_programid1", "1"},
		lsst9:                {"lsst-alerts-v9", "10"},
		"c/topic@i/d":        {"topic", "d"},
		"no slash":           {"", ""},
		"one/slash":          {"", "slash"},
		"":                   {"", ""},
		"c/no-id/3":          {"no-id", "3"},
		"c/@only-an-id/0":    {"", "0"},
		"c/t@with/slashes/4": {"t", "4"},
	} {
		assert.Equal(t, want, labelOf(name), name)
	}
}

func TestStatsCountsOnce(t *testing.T) {
	b := new(stats)
	b.setExtents([]stream.Extent{extent(ztf0, 0, 100, 0)})
	for range 2 { // as after an error
		b.addRead(account(ztf0, 0, 10, 9), 900)
		b.addRead(account(ztf0, 10, 20, 10), 1000)
	}
	b.addRead(account(lsst2, 0, 5, 5), 1) // never listed
	v := b.report(noon)
	assert.EqualValues(t, 19, v.total.messages)
	assert.EqualValues(t, 1900, v.total.bytes)
	assert.EqualValues(t, 80, v.total.lag)
}

func TestStatsLag(t *testing.T) {
	b := new(stats)
	b.setExtents(nil)
	b.setExtents([]stream.Extent{extent(ztf0, 0, 100, 100)})
	assert.EqualValues(t, 0, b.report(noon).total.lag, "messages from before the start do not count")
	b.setExtents([]stream.Extent{extent(ztf0, 0, 130, 130), extent(ztf1, 0, 7, 7)})
	assert.EqualValues(t, 37, b.report(noon).total.lag, "a new partition counts from its beginning")
	b.addRead(account(ztf0, 100, 125, 25), 1)
	assert.EqualValues(t, 12, b.report(noon).total.lag)

	gone := extent(ztf1, 0, 7, 0)
	gone.Gone = true
	b.setExtents([]stream.Extent{extent(ztf0, 0, 130, 130), gone})
	v := b.report(noon)
	assert.EqualValues(t, 5, v.total.lag, "a partition that is gone has no lag")
	assert.Len(t, v.rows, 1)
	b.setExtents(nil)
	v = b.report(noon)
	assert.Empty(t, v.rows)
	assert.EqualValues(t, 25, v.total.messages, "its messages still count")
	b.addRead(stream.Account{Range: stream.Range{Partition: ztf1, From: 0, To: 7}, Lost: 7}, 0)
	assert.EqualValues(t, 7, b.report(noon).lost)
}

func TestStatsRates(t *testing.T) {
	b := &stats{started: noon.Add(-time.Second)}
	b.setExtents([]stream.Extent{extent(ztf0, 0, 1e6, 0)})
	for s := range 20 { // 100 a second for ten seconds, then nothing
		if s < 10 {
			b.addRead(account(ztf0, int64(s)*100, int64(s+1)*100, 100), 2e6)
		}
		v := b.report(noon.Add(time.Duration(s) * time.Second))
		switch {
		case s < 10: // from the first look on
			assert.InDelta(t, 100, v.total.rate, 1e-9, s)
			assert.InDelta(t, 2e6, v.total.byteRate, 1e-9, s)
		case s >= 15:
			assert.Zero(t, v.total.rate, s)
		}
	}
	assert.LessOrEqual(t, len(b.partitions[ztf0].samples), 7, "samples are forgotten")
}

func TestStatsRemembersTheNewest(t *testing.T) {
	b := &stats{limit: 40}
	for partition := range 3 {
		var all []alertRow
		for i := range 15 {
			all = append(all, alertRow{id: fmt.Sprint(i, "/", partition), sent: noon.Add(time.Duration(i) * time.Second)})
		}
		b.addAlerts(all)
	}
	v := b.report(noon)
	assert.EqualValues(t, 40, v.alerts, "no more than was asked for")
	assert.True(t, b.full())
	var ids []string
	for _, s := range v.newest {
		ids = append(ids, s.id)
	}
	assert.Equal(t, []string{"9/1", "10/0", "10/1", "11/0", "11/1", "12/0", "12/1", "13/0", "13/1", "14/0"}[1:], ids[:9])
	assert.Len(t, ids, keptAlerts)
}

func TestStatsCauses(t *testing.T) {
	b := new(stats)
	for i := range 20 {
		for range i + 1 {
			b.addRejects([]rejectRow{{cause: fmt.Sprintf("cause %d", i)}})
		}
	}
	v := b.report(noon)
	assert.EqualValues(t, 210, v.rejected)
	assert.Len(t, v.causes, maxCauses+1)
	assert.Equal(t, cause{"other causes", 195}, v.causes[0])
	assert.Equal(t, cause{"cause 4", 5}, v.causes[1])
}
