package cds

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

func inTime(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// Each fault happens to all requests, and then to the first one.
func TestFaults(t *testing.T) {
	garbage := func(text string) cdstest.Fault { return cdstest.Plain(200, text) }
	for name, fault := range map[string]struct {
		fault cdstest.Fault
		again bool // it is retried
		code  int  // of an Error
		want  string
	}{
		"400":              {cdstest.Refuse(400, "unknown table"), false, 400, "the service answers 400 Bad Request: unknown table"},
		"400 in Latin 1":   {cdstest.Plain(400, "<?xml version='1.0' encoding='ISO-8859-1'?><VOTABLE><INFO name='QUERY_STATUS' value='ERROR'>Requ\xeate</INFO></VOTABLE>"), false, 400, "Requête"},
		"404":              {cdstest.Plain(404, "<html>what?</html>"), false, 404, "404 Not Found"},
		"403":              {cdstest.Plain(403, "go away"), false, 403, "403 Forbidden"},
		"429":              {cdstest.Plain(429, ""), true, 429, "429 Too Many Requests"},
		"500":              {cdstest.Plain(500, "oops"), true, 500, "500 Internal Server Error"},
		"503":              {cdstest.Refuse(503, "overloaded & busy"), true, 503, "overloaded & busy"},
		"504":              {cdstest.Plain(504, "<html><body>504 Gateway Time-out"), true, 504, "504 Gateway Timeout"},
		"204":              {cdstest.Plain(204, ""), false, 204, "204 No Content"},
		"hang":             {cdstest.Hang(), true, 0, "no reply within 10s"},
		"slow":             {cdstest.Slow(11 * time.Second), true, 0, "no reply within 10s"},
		"broken":           {cdstest.Break(.5), true, 0, "unexpected EOF"},
		"broken at once":   {cdstest.Break(0), true, 0, "unexpected EOF"},
		"cut":              {cdstest.Cut(.7), true, 0, "the reply is truncated"},
		"cut late":         {cdstest.Cut(.99), true, 0, "the reply is truncated"},
		"empty":            {garbage(""), true, 0, "not a VOTable"},
		"gateway in a 200": {garbage("504 Gateway Time-out"), true, 0, "not a VOTable"},
		"page in a 200":    {garbage("<html><body>sorry</body></html>"), true, 0, "it is <html>, not a VOTable"},
		"CSV":              {garbage("angDist,skyfinch_row,otype\n"), true, 0, "not a VOTable"},
		"error in a 200":   {cdstest.Refuse(200, "out of memory"), true, 200, "out of memory"},
		"error at the end": {after(`<INFO name="QUERY_STATUS" value="ERROR">lost</INFO>`), true, 200, "lost"},
		"too much":         {after(`<INFO name="QUERY_STATUS" value="OVERFLOW"/>`), false, 0, "rows out"},
		"not a number":     {garbage(table("<TR><TD>x</TD><TD>0</TD><TD>Y*O</TD><TD>1</TD><TD>1</TD></TR>")), true, 0, `angDist "x"`},
		"negative":         {garbage(table("<TR><TD>-1</TD><TD>0</TD><TD>Y*O</TD><TD>1</TD><TD>1</TD></TR>")), true, 0, `angDist "-1"`},
		"NaN":              {garbage(table("<TR><TD>NaN</TD><TD>0</TD><TD>Y*O</TD><TD>1</TD><TD>1</TD></TR>")), true, 0, `angDist "NaN"`},
		"beyond":           {garbage(table("<TR><TD>2.1</TD><TD>0</TD><TD>Y*O</TD><TD>1</TD><TD>1</TD></TR>")), true, 0, "beyond the radius"},
		"row 3":            {garbage(table("<TR><TD>1</TD><TD>3</TD><TD>Y*O</TD><TD>1</TD><TD>1</TD></TR>")), true, 0, `row "3" of 3`},
		"row -1":           {garbage(table("<TR><TD>1</TD><TD>-1</TD><TD>Y*O</TD><TD>1</TD><TD>1</TD></TR>")), true, 0, `row "-1"`},
		"row of text":      {garbage(table("<TR><TD>1</TD><TD>ten</TD><TD>Y*O</TD><TD>1</TD><TD>1</TD></TR>")), true, 0, `row "ten"`},
		"few cells":        {garbage(table("<TR><TD>1</TD><TD>0</TD></TR>")), true, 0, "2 cells, but there are 5 columns"},
		"many cells":       {garbage(table("<TR><TD/><TD/><TD/><TD/><TD/><TD/></TR>")), true, 0, "more cells than the 5 columns"},
		"another type":     {garbage(table("<TR><TD>1</TD><TD>0</TD><TD>Y*O</TD><TD>many</TD><TD>1</TD></TR>")), false, 0, `column "nbref": "many" is not a valid int64`},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				s := serve()
				s.Fault = cdstest.Always(fault.fault)
				c := connect(t, s)
				a := nearest(t, c, 10, 20, 0, 0, 50, 50)
				assert.Equal(t, "failed failed failed", statuses(a))
				assert.True(t, a.Rows.Schema().Equal(c.Schema()))
				require.ErrorContains(t, a.Cause, "cds: simbad: ")
				assert.ErrorContains(t, a.Cause, fault.want)
				assert.NotContains(t, a.Cause.Error(), "secret")
				var e *Error
				require.Equal(t, fault.code > 0, errors.As(a.Cause, &e))
				if e != nil {
					assert.Equal(t, fault.code, e.Code)
				}
				assert.Equal(t, fault.again, s.Requests() == defaultTries, "%d requests", s.Requests())
			})
			inTime(t, func(t *testing.T) {
				s := serve()
				s.Fault = cdstest.First(fault.fault)
				c := connect(t, s)
				a := nearest(t, c, 10, 20, 0, 0, 50, 50)
				if !fault.again {
					require.Equal(t, 1, s.Requests())
					time.Sleep(defaultBan)
					a = nearest(t, c, 10, 20, 0, 0, 50, 50)
				}
				assert.Equal(t, 2, s.Requests())
				assert.Equal(t, "match match none", statuses(a))
				assert.NoError(t, a.Cause)
			})
		})
	}
}

// after puts a text after the table of a reply.
func after(text string) cdstest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, reply []byte) {
		_, _ = w.Write(bytes.Replace(reply, []byte("</TABLE>"), []byte("</TABLE>"+text), 1))
	}
}

// table is a reply with the test's fields and these rows.
func table(rows string) string {
	return `<VOTABLE><RESOURCE><TABLE><FIELD name="angDist" datatype="double"/><FIELD name="skyfinch_row" datatype="int"/>` +
		`<FIELD name="otype" datatype="char" arraysize="*"/><FIELD name="nbref" datatype="int"><VALUES null="-9"/></FIELD><FIELD name="plx" datatype="double"/>` +
		`<DATA><TABLEDATA>` + rows + `</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>`
}

func TestMissingColumn(t *testing.T) {
	s := serve()
	c := connect(t, s)
	c.Fields = []arrow.Field{{Name: "redshift"}}
	a := nearest(t, c, 10, 20)
	assert.ErrorContains(t, a.Cause, `unknown column "redshift" in cols2`)
	assert.Equal(t, 1, s.Requests())

	n := 0
	c = connect(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = w.Write([]byte(table("")))
	}))
	c.Fields = []arrow.Field{{Name: "redshift"}}
	a = nearest(t, c, 10, 20)
	assert.ErrorContains(t, a.Cause, `the table has no column "redshift"`)
	assert.Equal(t, 1, n, "it is not retried")
}

func TestNetworkError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	var log bytes.Buffer
	c := &Client{Table: "simbad", Log: slog.New(slog.NewTextHandler(&log, nil))}
	c.Service = Service{URL: server.URL + "/?key=secret", Tries: 1}
	a := nearest(t, c, 1, 2)
	assert.Equal(t, "failed", statuses(a))
	assert.ErrorContains(t, a.Cause, "connection refused")
	assert.NotContains(t, a.Cause.Error(), "secret")
	assert.Contains(t, log.String(), "connection refused")
	assert.NotContains(t, log.String(), "secret")
}

// A broken body is an error over a real network too.
func TestBrokenOverANetwork(t *testing.T) {
	s := serve()
	s.Fault = cdstest.Always(cdstest.Break(.8))
	server := httptest.NewServer(s)
	defer server.Close()
	c := &Client{Table: "simbad", Fields: fields}
	c.Service = Service{URL: server.URL, Tries: 1}
	a := nearest(t, c, 10, 20)
	assert.Equal(t, "failed", statuses(a))
	assert.ErrorContains(t, a.Cause, "unexpected EOF")
}

func TestFailuresInARow(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		sick := true
		s.Fault = func(int) cdstest.Fault {
			if sick {
				return cdstest.Plain(500, "")
			}
			return nil
		}
		c := connect(t, s)
		other := connect(t, s)
		other.Service = c.Service
		nearest(t, c, 10, 20)
		require.Equal(t, 3, s.Requests())
		a := nearest(t, c, 10, 20)
		require.Equal(t, failuresToOpen, s.Requests())
		assert.NotErrorIs(t, a.Cause, ErrUnavailable)

		start := time.Now()
		a = nearest(t, other, 10, 20)
		assert.Zero(t, time.Since(start), "it fails at once")
		assert.Equal(t, failuresToOpen, s.Requests())
		assert.Equal(t, "failed", statuses(a))
		assert.ErrorIs(t, a.Cause, ErrUnavailable)
		var e *Error
		require.ErrorAs(t, a.Cause, &e)
		assert.Equal(t, 500, e.Code)

		time.Sleep(defaultCooldown - time.Second)
		nearest(t, c, 10, 20)
		require.Equal(t, failuresToOpen, s.Requests())
		time.Sleep(time.Second)
		nearest(t, c, 10, 20)
		require.Equal(t, failuresToOpen+1, s.Requests(), "half open, a single try")
		nearest(t, c, 10, 20)
		require.Equal(t, failuresToOpen+1, s.Requests(), "and it is open again")

		time.Sleep(defaultCooldown)
		sick = false
		assert.Equal(t, "match", statuses(nearest(t, c, 10, 20)))
		sick = true
		nearest(t, c, 0, 0)
		assert.Equal(t, failuresToOpen+5, s.Requests(), "all tries again")
	})
}

func TestRefusalsLeaveTheBreakerClosed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = cdstest.Always(cdstest.Refuse(400, "no"))
		c := connect(t, s)
		for range 3 * failuresToOpen {
			assert.NotErrorIs(t, nearest(t, c, 10, 20).Cause, ErrUnavailable)
		}
	})
}

func TestBan(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = cdstest.First(cdstest.Plain(403, ""), cdstest.Later(2*time.Hour, cdstest.Plain(403, "")))
		c := connect(t, s)
		nearest(t, c, 10, 20)
		require.Equal(t, 1, s.Requests())
		time.Sleep(defaultBan - time.Second)
		assert.ErrorIs(t, nearest(t, c, 10, 20).Cause, ErrUnavailable)
		time.Sleep(time.Second)
		nearest(t, c, 10, 20)
		require.Equal(t, 2, s.Requests())
		time.Sleep(2*time.Hour - time.Second)
		assert.ErrorIs(t, nearest(t, c, 10, 20).Cause, ErrUnavailable, "the server asked for more")
		time.Sleep(time.Second)
		assert.Equal(t, "match", statuses(nearest(t, c, 10, 20)))
	})
}

func TestRetryAfter(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = cdstest.First(cdstest.Later(7*time.Second, cdstest.Plain(503, "")), cdstest.Later(time.Minute+time.Second, cdstest.Plain(503, "")))
		c := connect(t, s)
		start := time.Now()
		a := nearest(t, c, 10, 20)
		assert.Equal(t, 7*time.Second, time.Since(start), "it waits once, but not a minute")
		assert.Equal(t, "failed", statuses(a))
		assert.ErrorIs(t, nearest(t, c, 10, 20).Cause, ErrUnavailable)
		time.Sleep(time.Minute + time.Second)
		assert.Equal(t, "match", statuses(nearest(t, c, 10, 20)))
	})
}

func TestRetryAfterIsBounded(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = cdstest.First(cdstest.Later(1e9*time.Second, cdstest.Plain(503, "")))
		c := connect(t, s)
		nearest(t, c, 10, 20)
		time.Sleep(maxAfter)
		assert.Equal(t, "match", statuses(nearest(t, c, 10, 20)))
	})
}

func TestRetryAfterHeader(t *testing.T) {
	inTime(t, func(t *testing.T) {
		at := func(text string) time.Duration { return retryAfter(http.Header{"Retry-After": {text}}) }
		assert.Equal(t, 5*time.Second, at("5"))
		assert.Equal(t, time.Minute, at(time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)))
		for _, text := range []string{"", "-5", "soon", "1e9", "99999999999999999999", "Sat, 02 Jan 1999 15:04:05 GMT"} {
			assert.Zero(t, at(text), text)
		}
	})
}

func TestPausesGrowAndVary(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for try := 1; try < 100; try++ {
		d := min(maxPause, firstPause<<min(try-1, 10))
		p := pause(try)
		assert.True(t, p >= d/2 && p < d*3/2, "%d: %v", try, p)
		seen[p] = true
	}
	assert.Greater(t, len(seen), 90)
}

func TestCallerLeaves(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = func(n int) cdstest.Fault {
			if n <= 2*failuresToOpen {
				return cdstest.Hang()
			}
			return nil
		}
		c := connect(t, s)
		for range 2 * failuresToOpen {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err := c.Nearest(ctx, places(10, 20), crossmatch.Arcsecond)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.Equal(t, "match", statuses(nearest(t, c, 10, 20)), "not a failure of the service")
	})
}

func TestCallerLeavesTheQueue(t *testing.T) {
	inTime(t, func(t *testing.T) {
		s := serve()
		s.Fault = cdstest.First(cdstest.Slow(9 * time.Second))
		c := connect(t, s)
		done := make(chan crossmatch.Answer)
		go func() {
			a, _ := c.Nearest(context.Background(), places(10, 20), crossmatch.Arcsecond)
			done <- a
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := c.Nearest(ctx, places(0, 0), crossmatch.Arcsecond)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 1, s.Requests())
		a := <-done
		assert.Equal(t, "match", statuses(a))
		release(a.Rows)
	})
}
