package cds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// Names of the columns that are sent. They are such that no catalogue has them.
const (
	rowColumn = "skyfinch_row"
	raColumn  = "skyfinch_ra"
	decColumn = "skyfinch_dec"
)

// leastRadius is the least that the service is asked for. What is farther than
// the caller's radius is left out here: of a radius of 0, say, which it may not
// take.
const leastRadius = crossmatch.Milliarcsecond

const maxMessage = 64 << 10 // bytes of an error's body that are looked at

// request is a request as it is sent, however often.
type request struct {
	url    string
	kind   string // Content-Type
	body   []byte
	n      int // positions
	radius crossmatch.Angle
	fields []arrow.Field
}

// newRequest asks about the first n places of q without an answer.
func newRequest(c *Client, url string, q *question, n int) (*request, error) {
	r := &request{url: url, n: n, fields: c.fields()}
	r.radius = q.keys[q.pending[0]].radius
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, p := range r.parameters(c.Table) {
		if err := form.WriteField(p[0], p[1]); err != nil {
			return nil, err
		}
	}
	file, err := form.CreateFormFile("cat1", "positions.csv")
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(positions(q, n)); err != nil {
		return nil, err
	}
	if err := form.Close(); err != nil {
		return nil, err
	}
	r.kind, r.body = form.FormDataContentType(), b.Bytes()
	return r, nil
}

func (r *request) parameters(table string) [][2]string {
	names := make([]string, len(r.fields))
	for i, f := range r.fields {
		names[i] = f.Name
	}
	// To a nanosecond of arc: 1" is 0.9999999999999999" after two conversions.
	radius := math.Round(max(r.radius, leastRadius).Arcseconds()*1e9) / 1e9
	return [][2]string{
		{"request", "xmatch"},
		{"RESPONSEFORMAT", "votable"},
		{"distMaxArcsec", strconv.FormatFloat(radius, 'f', -1, 64)},
		{"selection", "best"},
		{"colRA1", raColumn},
		{"colDec1", decColumn},
		{"cols1", rowColumn},
		{"cat2", table},
		{"cols2", strings.Join(names, ",")}, // none, when it is empty
	}
}

// positions are the first n places of q without an answer, as a CSV file whose
// rows are numbered from 0.
func positions(q *question, n int) []byte {
	b := make([]byte, 0, 64+48*n)
	b = append(b, rowColumn+","+raColumn+","+decColumn+"\n"...)
	for i, k := range q.pending[:n] {
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, ',')
		b = strconv.AppendFloat(b, q.keys[k].ra, 'f', -1, 64)
		b = append(b, ',')
		b = strconv.AppendFloat(b, q.keys[k].dec, 'f', -1, 64)
		b = append(b, '\n')
	}
	return b
}

// send sends the request once and reads the reply.
func (r *request) send(ctx context.Context, s Service) ([]found, *failure) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, final("%w", bare(err))
	}
	req.Header.Set("Content-Type", r.kind)
	req.Header.Set("User-Agent", "skyfinch")
	resp, err := s.client().Do(req)
	if err != nil {
		return nil, late(ctx, s, transient("no reply: %w", bare(err)))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp)
	}
	most := r.longest()
	answers, err := r.read(&limited{from: resp.Body, left: most, most: most})
	if err == nil {
		return answers, nil
	}
	f := &failure{err: err, again: !errors.Is(err, errOurs)}
	return nil, late(ctx, s, f)
}

// late says that time is up, if it is, rather than what came of that.
func late(ctx context.Context, s Service, f *failure) *failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return transient("no reply within %v: %w", s.timeout(), context.DeadlineExceeded)
	}
	return f
}

// bare is an error of the HTTP client without the URL, which may hold a key.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// refusal reads a reply that is no answer.
func refusal(resp *http.Response) *failure {
	code := resp.StatusCode
	f := &failure{
		err:   &Error{Code: code, Message: message(io.LimitReader(resp.Body, maxMessage))},
		after: retryAfter(resp.Header),
	}
	switch {
	case code == http.StatusForbidden:
		f.ban = true
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		f.again = true
	}
	return f
}

// longest is how many bytes a reply may have: a generous column, times those
// asked for, so that a server gone mad does not fill the memory.
func (r *request) longest() int64 {
	return 1<<20 + int64(r.n)*int64(512*(1+len(r.fields)))
}

// limited reads no more than was left, and tells when there is more.
type limited struct {
	from io.Reader
	left int64
	most int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		var one [1]byte
		n, err := l.from.Read(one[:])
		if n > 0 {
			return 0, fmt.Errorf("the reply is longer than the %d bytes that it may have", l.most)
		}
		return 0, err
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.from.Read(p)
	l.left -= int64(n)
	return n, err
}
