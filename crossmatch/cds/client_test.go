package cds

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

type brokenBody struct{ io.ReadCloser }

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

const arcsec = 1. / 3600

func TestNearest(t *testing.T) {
	for _, encoding := range []string{"TABLEDATA", "BINARY", "BINARY2"} {
		t.Run(encoding, func(t *testing.T) {
			s := serve()
			s.Encoding = encoding
			a := nearest(t, connect(t, s),
				10, 20+arcsec, 100, 0, math.NaN(), 0, 370, 20, 1, math.Nextafter(90, 91), 300, 90,
				-1e-20, 0, 359.9999, -45.5, 10, 20+2.1*arcsec, math.Inf(1), 0, 10, 20+arcsec)
			require.NoError(t, a.Cause)
			require.Equal(t, "match none invalid match invalid match match match none invalid match", statuses(a))
			assert.InDelta(t, 1, a.Matches[0].Separation.Arcseconds(), 1e-6)
			assert.Equal(t, a.Matches[0], a.Matches[10], "the same place, the same match")

			assert.Equal(t, "*", otype(t, a, 5))
			assert.Equal(t, "Galaxy", otype(t, a, 6))
			assert.Equal(t, "QSO", otype(t, a, 7))
			n, plx := a.Rows.Column(1).(*array.Int64), a.Rows.Column(2).(*array.Float64)
			const pole, galaxy, qso = 5, 6, 7
			for _, i := range []int{0, 3, 10} {
				assert.Equal(t, "RR*", otype(t, a, i))
				assert.EqualValues(t, 7, n.Value(i))
				assert.Equal(t, 1.25, plx.Value(i))
			}
			assert.EqualValues(t, -3, n.Value(pole))
			assert.True(t, plx.IsNull(pole), "NaN is null")
			assert.Equal(t, -0.0021, plx.Value(qso))
			assert.True(t, plx.IsNull(galaxy))
			// In BINARY, null needs a declared null value.
			assert.Equal(t, encoding != "BINARY", n.IsNull(galaxy))
			assert.Equal(t, []int{7}, s.Asked(), "the same position is requested once, invalid ones never")
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	s := serve()
	c := connect(t, s)
	ra := 123.45678901234567
	a, err := c.Nearest(context.Background(), places(ra, -1e-7), 1*crossmatch.Arcsecond)
	require.NoError(t, err)
	defer release(a.Rows)
	form := s.Forms()[0]
	assert.Equal(t, "1", form["distmaxarcsec"])
	assert.Equal(t, "otype,nbref,plx", form["cols2"])
	assert.Equal(t, rowColumn, form["cols1"])
	assert.Equal(t, "best", form["selection"])
	assert.Equal(t, fmt.Sprintf("skyfinch_row,skyfinch_ra,skyfinch_dec\n0,%v,-0.0000001\n", ra), form["cat1"])
}

// The service can tell our version, and reach us, by the User-Agent.
func TestUserAgent(t *testing.T) {
	s := serve()
	got := ""
	c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.UserAgent()
		s.ServeHTTP(w, r)
	}))
	nearest(t, c, 10, 20)
	assert.Regexp(t, `^skyfinch(/\S+)? \(\+https://github\.com/skyfinch/skyfinch\)$`, got)
	ours := debug.Module{Path: module, Version: "v1.2.3"}
	other := debug.Module{Path: "example.com/tool", Version: "v9.0.0"}
	const withVersion = "skyfinch/v1.2.3 (+https://github.com/skyfinch/skyfinch)"
	assert.Equal(t, withVersion, userAgentOf(&debug.BuildInfo{Main: ours, Deps: []*debug.Module{&other}}))
	assert.Equal(t, withVersion, userAgentOf(&debug.BuildInfo{Main: other, Deps: []*debug.Module{&ours}}))
	assert.Equal(t, "skyfinch (+https://github.com/skyfinch/skyfinch)", userAgentOf(&debug.BuildInfo{Main: debug.Module{Path: module, Version: "(devel)"}}))
}

func TestNoColumns(t *testing.T) {
	s := serve()
	c := connect(t, s)
	c.Fields = nil
	assert.Nil(t, c.Schema())
	a := nearest(t, c, 10, 20, 11, 20)
	assert.Nil(t, a.Rows)
	assert.Equal(t, "match none", statuses(a))
}

func TestNoPositions(t *testing.T) {
	s := serve()
	a := nearest(t, connect(t, s))
	assert.Empty(t, a.Matches)
	assert.Zero(t, a.Rows.NumRows())
	nearest(t, connect(t, s), math.NaN(), 0)
	assert.Zero(t, s.Requests())
}

func TestRadius(t *testing.T) {
	s := serve()
	s.Rows = []cdstest.Row{{RA: 50, Dec: 0, Values: objects.Rows[0].Values}}
	c := connect(t, s)
	at := func(dec float64, radius crossmatch.Angle) crossmatch.Match {
		a, err := c.Nearest(context.Background(), places(50, dec), radius)
		require.NoError(t, err)
		require.NoError(t, a.Cause)
		release(a.Rows)
		return a.Matches[0]
	}
	assert.Equal(t, crossmatch.StatusMatch, at(0, 0).Status, "a radius of 0 is valid")
	assert.Equal(t, crossmatch.StatusNone, at(1e-5*arcsec, 0).Status)
	assert.Equal(t, crossmatch.StatusMatch, at(179.9*arcsec, MaxRadius).Status)
	m := at(1.0000004*arcsec, 1.0000005*crossmatch.Arcsecond)
	assert.Equal(t, crossmatch.StatusMatch, m.Status)
	assert.LessOrEqual(t, m.Separation, 1.0000005*crossmatch.Arcsecond)
	m = at(1.0000006*arcsec, 1.0000007*crossmatch.Arcsecond) // rounded up to 1.000001
	assert.Equal(t, crossmatch.StatusMatch, m.Status)
	assert.LessOrEqual(t, m.Separation, 1.0000007*crossmatch.Arcsecond)
}

func TestOrderAndRepeats(t *testing.T) {
	s := serve()
	s.Edit = func(rows [][]string) [][]string {
		far, again := slices.Clone(rows[0]), slices.Clone(rows[0])
		far[0], far[2] = "1.9", "far"
		again[2] = "again"
		slices.Reverse(rows)
		return append([][]string{far}, append(rows, again, far)...)
	}
	a := nearest(t, connect(t, s), 10, 20, 0, 0, 359.9999, -45.5)
	require.Equal(t, "match match match", statuses(a))
	assert.Equal(t, "RR*", otype(t, a, 0), "the nearest, and the first of those")
	assert.Equal(t, "Galaxy", otype(t, a, 1))
	assert.Equal(t, "QSO", otype(t, a, 2))
}

func TestBatches(t *testing.T) {
	s := serve()
	c := connect(t, s)
	c.Batch = 3
	var xy []float64
	for i := range 10 {
		xy = append(xy, float64(10*i), float64(20*(i%2)))
	}
	a := nearest(t, c, xy...)
	assert.Equal(t, []int{3, 3, 3, 1}, s.Asked())
	assert.Equal(t, "match match"+strings.Repeat(" none", 8), statuses(a))
	assert.Equal(t, "Galaxy", otype(t, a, 0))
	assert.Equal(t, "RR*", otype(t, a, 1))
}

func TestBatchThatFailsKeepsTheOthers(t *testing.T) {
	s := serve()
	s.Fault = func(n int) cdstest.Fault {
		if n == 2 {
			return cdstest.Refuse(400, "no")
		}
		return nil
	}
	c := connect(t, s)
	c.Batch = 1
	a := nearest(t, c, 10, 20, 0, 0, 50, 50)
	assert.Equal(t, "match failed failed", statuses(a))
	a = nearest(t, c, 10, 20, 0, 0, 50, 50)
	assert.Equal(t, "match match none", statuses(a), "failed positions are matched later")
	assert.Equal(t, []int{1, 1, 1, 1}, s.Asked(), "and only those")
	require.NoError(t, a.Cause)
}

func TestInvalidCalls(t *testing.T) {
	sense := func() *Client { return connect(t, serve()) }
	ok := places(1, 2)
	for name, call := range map[string]struct {
		change func(*Client)
		p      crossmatch.Positions
		radius crossmatch.Angle
		want   string
	}{
		"far":      {p: ok, radius: 181 * crossmatch.Arcsecond, want: `beyond the 180" that the service accepts`},
		"negative": {p: ok, radius: -1, want: "it must be from 0 to 180"},
		"nan":      {p: ok, radius: crossmatch.Angle(math.NaN()), want: "it must be from 0 to 180"},
		"lengths":  {p: crossmatch.Positions{RA: []float64{1}}, want: "1 right ascensions and 0 declinations"},
		"epochs":   {p: crossmatch.Positions{RA: []float64{1}, Dec: []float64{1}, Epoch: []float64{}}, want: "1 positions and 0 epochs"},
		"table":    {change: func(c *Client) { c.Table = "" }, p: ok, want: "no table"},
		"name":     {change: func(c *Client) { c.Fields = []arrow.Field{{Name: "a,b"}} }, p: ok, want: `"a,b" is not a valid column name`},
		"type":     {change: func(c *Client) { c.Fields = []arrow.Field{{Name: "a", Type: arrow.FixedWidthTypes.Date32}} }, p: ok, want: `column "a": make it`},
		"twice":    {change: func(c *Client) { c.Fields = []arrow.Field{{Name: "a"}, {Name: "a"}} }, p: ok, want: "twice"},
		"url":      {change: func(c *Client) { c.Service.URL = "ftp://me:secret@x" }, p: ok, want: "Service.URL"},
		"url too":  {change: func(c *Client) { c.Service.URL = "http://secret%zz" }, p: ok, want: "Service.URL"},
		"fallback": {change: func(c *Client) { c.Fallback = &Client{} }, p: ok, want: "the fallback's columns"},
	} {
		c := sense()
		if call.change != nil {
			call.change(c)
		}
		_, err := c.Nearest(context.Background(), call.p, call.radius)
		require.Error(t, err, name)
		assert.ErrorContains(t, err, call.want, name)
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestCache(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		c := connect(t, s)
		c.CacheAge = time.Hour
		c.Cache = 3
		nearest(t, c, 10, 20, 50, 50)
		a := nearest(t, c, 50, 50, 10, 20, 370, 20)
		assert.Equal(t, "none match match", statuses(a))
		assert.Equal(t, 1, s.Requests(), "that there is no match is cached too")

		b, err := c.Nearest(context.Background(), places(10, 20), 1*crossmatch.Arcsecond)
		require.NoError(t, err)
		release(b.Rows)
		assert.Equal(t, 2, s.Requests(), "another radius is another lookup")

		nearest(t, c, 10, 20)
		nearest(t, c, 0, 0) // which drops 50, 50: used longest ago
		require.Equal(t, 3, s.Requests())
		nearest(t, c, 10, 20)
		assert.Equal(t, 3, s.Requests())
		nearest(t, c, 50, 50)
		assert.Equal(t, 4, s.Requests())

		time.Sleep(time.Hour)
		nearest(t, c, 50, 50)
		assert.Equal(t, 5, s.Requests(), "it is too old")
	})
}

func TestNoCache(t *testing.T) {
	s := serve()
	c := connect(t, s)
	c.Cache = -1
	nearest(t, c, 10, 20)
	nearest(t, c, 10, 20)
	assert.Equal(t, 2, s.Requests())
}

func TestOneAtATime(t *testing.T) {
	s := serve()
	s.Fault = cdstest.Always(cdstest.Slow(2 * time.Millisecond))
	server := httptest.NewServer(s)
	defer server.Close()
	var clients []*Client
	for range 3 {
		c := &Client{Table: "simbad", Fields: fields, Batch: 2, Cache: -1}
		c.Service.URL = server.URL
		clients = append(clients, c)
	}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			a, err := clients[i%3].Nearest(context.Background(), places(10, 20, 0, 0, 70, 70), 1*crossmatch.Arcsecond)
			if assert.NoError(t, err) {
				assert.Equal(t, "match match none", statuses(a))
				release(a.Rows)
			}
		})
	}
	all.Wait()
	assert.Equal(t, 1, s.AtOnce())
	assert.Equal(t, 24, s.Requests())
}

// Callers have their turns in order of arrival. One that leaves the queue has none.
func TestTurns(t *testing.T) {
	inTime(t, func(t *testing.T) {
		b := newBreaker()
		require.NoError(t, b.enter(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		var order []int
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				if i%3 == 0 {
					assert.ErrorIs(t, b.enter(ctx), context.Canceled)
					return
				}
				assert.NoError(t, b.enter(t.Context()))
				order = append(order, i)
				b.leave()
			})
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		b.leave()
		all.Wait()
		assert.Equal(t, []int{1, 2, 4, 5, 7, 8}, order)
		assert.Empty(t, b.turn, "the breaker is free")
		assert.ErrorIs(t, b.enter(ctx), context.Canceled)
		assert.Empty(t, b.turn)
	})
}

func BenchmarkReply(b *testing.B) {
	const rows = 10_000
	var text strings.Builder
	for i := range rows {
		fmt.Fprintf(&text, "<TR><TD>0.123456</TD><TD>%d</TD><TD>RR*</TD><TD>17</TD><TD>1.2345</TD></TR>\n", i)
	}
	reply := table(text.String())
	r := asked(rows)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.read(strings.NewReader(reply)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
