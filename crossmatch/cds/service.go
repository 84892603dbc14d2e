package cds

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// DefaultURL is the URL of the X-Match service.
const DefaultURL = "https://cdsxmatch.cds.unistra.fr/xmatch/api/v1/sync"

const (
	defaultTimeout  = 10 * time.Second
	defaultTries    = 3
	defaultCooldown = time.Minute
	defaultBan      = time.Hour
	firstPause      = 500 * time.Millisecond
	maxPause        = 30 * time.Second
)

// Service configures requests to a service. The zero value is for the service
// of the CDS.
type Service struct {
	URL     string        // If empty, DefaultURL.
	HTTP    *http.Client  // If nil, http.DefaultClient.
	Timeout time.Duration // Of a request and its reply. If zero, 10 seconds.
	Tries   int           // Maximum number of attempts at a request. If zero, 3.
	// How long the circuit breaker stays open:
	Cooldown time.Duration // After consecutive failures. If zero, a minute.
	Ban      time.Duration // After status 403. If zero, an hour.
}

func (s Service) parse() (*url.URL, error) {
	u, err := url.Parse(cmp.Or(s.URL, DefaultURL))
	// The error must not have the URL, which may hold a password.
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("Service.URL is not an http or https URL")
	}
	return u, nil
}

func (s Service) client() *http.Client {
	if s.HTTP == nil {
		return http.DefaultClient
	}
	return s.HTTP
}

func (s Service) timeout() time.Duration  { return positive(s.Timeout, defaultTimeout) }
func (s Service) cooldown() time.Duration { return positive(s.Cooldown, defaultCooldown) }
func (s Service) ban() time.Duration      { return positive(s.Ban, defaultBan) }
func (s Service) tries() int              { return positive(s.Tries, defaultTries) }

// positive returns v, or the default if v is not positive.
func positive[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// pause returns how long to wait after an attempt, counted from 1. It doubles, with
// jitter so that processes that failed together do not try again together.
func pause(attempt int) time.Duration {
	d := maxPause
	if attempt < 7 {
		d = firstPause << (attempt - 1)
	}
	return d/2 + rand.N(d)
}

// retryAfter returns the time of a Retry-After header, which has seconds or a date.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
