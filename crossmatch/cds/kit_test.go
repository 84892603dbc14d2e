package cds

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds/cdstest"
)

var objects = cdstest.Server{
	Table: "simbad",
	Columns: []cdstest.Column{
		{Name: "main_id", Datatype: "char"}, {Name: "otype", Datatype: "char"},
		{Name: "nbref", Datatype: "int"}, {Name: "plx", Datatype: "double"},
	},
	Rows: []cdstest.Row{
		{RA: 10, Dec: 20, Values: []string{"V* A <&> b", "RR*", "7", "1.25"}},
		{RA: 0, Dec: 0, Values: []string{"M 0", "Galaxy", "", ""}},
		{RA: 123, Dec: 90, Values: []string{"Polaris?", "*", "-3", "NaN"}},
		{RA: 359.9999, Dec: -45.5, Values: []string{"", "QSO", "0", "-0.0021"}},
	},
}

var fields = []arrow.Field{
	{Name: "otype"}, // a string
	{Name: "nbref", Type: arrow.PrimitiveTypes.Int64},
	{Name: "plx", Type: arrow.PrimitiveTypes.Float64},
}

// serve returns a server over the objects.
func serve() *cdstest.Server {
	return &cdstest.Server{Table: objects.Table, Columns: objects.Columns, Rows: objects.Rows}
}

// connect returns a client of a server that it reaches without a network, so that
// time may be simulated. Each client has its own host, and so its own breaker.
func connect(t *testing.T, h http.Handler) *Client {
	return &Client{Table: "simbad", Fields: fields, Memory: checked(t), Service: Service{
		URL:  fmt.Sprintf("http://host%d.test/sync?key=secret", hosts.Add(1)),
		HTTP: &http.Client{Transport: inProcess{h}},
	}}
}

// release releases the rows of an answer, if it has any.
func release(r arrow.Record) {
	if r != nil {
		r.Release()
	}
}

var hosts atomic.Int64

func checked(t *testing.T) memory.Allocator {
	m := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { m.AssertSize(t, 0) })
	return m
}

// inProcess passes requests to a handler. A body shorter than its length breaks
// off, as over a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.ServeHTTP(w, r)
	}()
	select {
	case <-done:
	case <-r.Context().Done():
		<-done
		return nil, r.Context().Err()
	}
	resp := w.Result()
	if resp.ContentLength > int64(w.Body.Len()) {
		resp.Body = brokenBody{resp.Body}
	}
	return resp, nil
}

// places returns positions of alternating RA and Dec.
func places(xy ...float64) (p crossmatch.Positions) {
	for i := 0; i < len(xy); i += 2 {
		p.RA = append(p.RA, xy[i])
		p.Dec = append(p.Dec, xy[i+1])
	}
	return p
}

// nearest matches places within 2", without an error.
func nearest(t *testing.T, c *Client, xy ...float64) crossmatch.Answer {
	t.Helper()
	a, err := c.Nearest(context.Background(), places(xy...), 2*crossmatch.Arcsecond)
	require.NoError(t, err)
	require.Len(t, a.Matches, len(xy)/2)
	t.Cleanup(func() { release(a.Rows) })
	for i, m := range a.Matches {
		require.EqualValues(t, -1, m.Row)
		require.Equal(t, m.Status != crossmatch.StatusMatch, math.IsNaN(m.Separation.Degrees()))
		if a.Rows != nil && m.Status != crossmatch.StatusMatch {
			require.True(t, a.Rows.Column(0).IsNull(i))
		}
	}
	if a.Rows != nil {
		require.EqualValues(t, len(a.Matches), a.Rows.NumRows(), "a row for each position")
	}
	return a
}

// statuses returns the statuses of an answer as text.
func statuses(a crossmatch.Answer) string {
	var words []string
	for _, m := range a.Matches {
		words = append(words, m.Status.String())
	}
	return strings.Join(words, " ")
}

// otype returns the type of the object that a position matched.
func otype(t *testing.T, a crossmatch.Answer, i int) string {
	t.Helper()
	require.Equal(t, crossmatch.StatusMatch, a.Matches[i].Status)
	return a.Rows.Column(0).(*array.String).Value(i)
}
