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
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// Names of the uploaded columns. They must differ from those of all catalogues.
const (
	rowColumn = "skyfinch_row"
	raColumn  = "skyfinch_ra"
	decColumn = "skyfinch_dec"
)

// minRadius is the smallest radius requested, since the service may not take 0.
// The reply drops rows beyond the caller's radius.
const minRadius = crossmatch.Milliarcsecond

const maxMessage = 64 << 10 // bytes of an error's body that are read

// request is a request that may be sent several times.
type request struct {
	url         string
	contentType string
	body        []byte
	n           int // positions
	radius      crossmatch.Angle
	fields      []arrow.Field
}

// newRequest returns the request of the first pending lookups.
func newRequest(c *Client, url string, l *lookups) *request {
	n := min(c.batch(), len(l.pending))
	r := &request{url: url, n: n, fields: c.fields(), radius: l.keys[l.pending[0]].radius}
	var b bytes.Buffer // writing to it cannot fail
	form := multipart.NewWriter(&b)
	for _, p := range r.parameters(c.Table) {
		_ = form.WriteField(p[0], p[1])
	}
	file, _ := form.CreateFormFile("cat1", "positions.csv")
	_, _ = file.Write(positions(l, n))
	_ = form.Close()
	r.contentType, r.body = form.FormDataContentType(), b.Bytes()
	return r
}

func (r *request) parameters(table string) [][2]string {
	names := make([]string, len(r.fields))
	for i, f := range r.fields {
		names[i] = f.Name
	}
	// To a nanoarcsecond: 1" is 0.9999999999999999" after two conversions.
	radius := math.Round(max(r.radius, minRadius).Arcseconds()*1e9) / 1e9
	return [][2]string{
		{"request", "xmatch"},
		{"RESPONSEFORMAT", "votable"},
		{"distMaxArcsec", strconv.FormatFloat(radius, 'f', -1, 64)},
		{"selection", "best"},
		{"colRA1", raColumn},
		{"colDec1", decColumn},
		{"cols1", rowColumn},
		{"cat2", table},
		{"cols2", strings.Join(names, ",")}, // if empty, no columns
	}
}

// positions returns the first n pending lookups as CSV, numbered from 0.
func positions(l *lookups, n int) []byte {
	b := make([]byte, 0, 64+48*n)
	b = append(b, rowColumn+","+raColumn+","+decColumn+"\n"...)
	for i, k := range l.pending[:n] {
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, ',')
		b = strconv.AppendFloat(b, l.keys[k].ra, 'f', -1, 64)
		b = append(b, ',')
		b = strconv.AppendFloat(b, l.keys[k].dec, 'f', -1, 64)
		b = append(b, '\n')
	}
	return b
}

const module = "github.com/skyfinch/skyfinch"

// userAgent names the module, its version if the build has one, and where to
// reach its authors.
var userAgent = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return userAgentOf(info)
})

func userAgentOf(info *debug.BuildInfo) string {
	for _, m := range append(info.Deps, &info.Main) {
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Path == module && m.Version != "" && m.Version != "(devel)" {
			return "skyfinch/" + m.Version + " (+https://" + module + ")"
		}
	}
	return "skyfinch (+https://" + module + ")"
}

// send sends the request once and reads the reply.
func (r *request) send(ctx context.Context, s Service) ([]hit, *failure) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, &failure{err: withoutURL(err)}
	}
	req.Header.Set("Content-Type", r.contentType)
	req.Header.Set("User-Agent", userAgent())
	resp, err := s.client().Do(req)
	if err != nil {
		return nil, orTimeout(ctx, s, &failure{err: fmt.Errorf("no reply: %w", withoutURL(err)), retryable: true})
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp)
	}
	hits, err := r.read(http.MaxBytesReader(nil, resp.Body, r.maxReply()))
	if err == nil {
		return hits, nil
	}
	return nil, orTimeout(ctx, s, &failure{err: err, retryable: !errors.Is(err, errFields)})
}

// orTimeout returns f, or the timeout that caused it.
func orTimeout(ctx context.Context, s Service, f *failure) *failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &failure{err: fmt.Errorf("no reply within %v: %w", s.timeout(), context.DeadlineExceeded), retryable: true}
	}
	return f
}

// withoutURL returns an error of the HTTP client without the URL, which may hold
// a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// refusal returns the failure of a reply with a status other than 200.
func refusal(resp *http.Response) *failure {
	code := resp.StatusCode
	return &failure{
		err:       &Error{Code: code, Message: message(io.LimitReader(resp.Body, maxMessage))},
		after:     retryAfter(resp.Header),
		ban:       code == http.StatusForbidden,
		retryable: code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500,
	}
}

// maxReply bounds a reply, in bytes: memory must not fill up if the server runs
// wild. It allows 512 bytes for each value.
func (r *request) maxReply() int64 {
	return 1<<20 + int64(r.n)*int64(512*(1+len(r.fields)))
}
