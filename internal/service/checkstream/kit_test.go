package checkstream

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
)

var update = flag.Bool("update", false, "rewrite testdata")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), text)
}

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

const (
	ztf0  = "cluster/ztf_20260701_programid1@AAAAAAAAAAAAAAAAAAAAAA/0"
	ztf1  = "cluster/ztf_20260701_programid1@AAAAAAAAAAAAAAAAAAAAAA/1"
	lsst2 = "cluster/lsst-alerts-v9@BBBBBBBBBBBBBBBBBBBBBB/2"
	lsst9 = "cluster/lsst-alerts-v9@BBBBBBBBBBBBBBBBBBBBBB/10"
)

func extent(partition string, from, to, start int64) stream.Extent {
	return stream.Extent{Range: stream.Range{Partition: partition, From: from, To: to}, Start: start}
}

func account(partition string, from, to, read int64) stream.Account {
	return stream.Account{Range: stream.Range{Partition: partition, From: from, To: to}, Read: read, Compacted: to - from - read}
}

func someAlerts() []alertRow {
	return []alertRow{
		{
			survey: "ztf", id: "697251920000000000", object: "ZTF18abcdefg", time: noon.Add(-90 * time.Second),
			ra: 10.25, dec: -0.5, brightness: brightness{18.347, "mag"}, message: messageID{"ztf_20260701_programid1", "1", "7"}, sent: noon.Add(-300 * time.Millisecond),
		},
		{
			survey: "lsst", id: "171237941044051969", object: "150000110592000064", time: noon.Add(-time.Hour),
			ra: 359.999999, dec: 89.9, brightness: brightness{-2742.25, "nJy"}, message: messageID{"lsst-alerts-v9", "2", "41"}, sent: noon.Add(-50 * time.Hour),
		},
		{survey: "mine", id: "1", object: "a\tb\x1b[2J\n", time: noon, message: messageID{"mine", "0", "0"}},
	}
}

// busy returns the stats of a stream with two topics.
func busy() *stats {
	b := &stats{started: noon.Add(-10 * time.Second)}
	b.setExtents([]stream.Extent{extent(ztf0, 0, 1000, 1000), extent(ztf1, 0, 2000, 2000), extent(lsst2, 5, 50, 50), extent(lsst9, 0, 0, 0)})
	b.report(noon.Add(-4 * time.Second))
	b.setExtents([]stream.Extent{extent(ztf0, 0, 1200, 1200), extent(ztf1, 0, 2000, 2000), extent(lsst2, 5, 1_000_050, 1_000_050), extent(lsst9, 0, 1, 0)})
	b.addRead(account(ztf0, 1000, 1200, 200), 200*66_000)
	b.addRead(account(lsst2, 50, 60, 8), 8*118_000)
	b.addAlerts(someAlerts())
	return b
}
