package cds

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// DefaultURL is where the X-Match service is.
const DefaultURL = "https://cdsxmatch.cds.unistra.fr/xmatch/api/v1/sync"

const (
	defaultTimeout  = 10 * time.Second
	defaultTries    = 3
	defaultCooldown = time.Minute
	defaultBan      = time.Hour
	firstPause      = 500 * time.Millisecond
	longestPause    = 30 * time.Second
)

// Service is a service to ask, and how patiently. The zero value asks that of
// the CDS.
type Service struct {
	URL     string        // "": DefaultURL
	HTTP    *http.Client  // nil: http.DefaultClient
	Timeout time.Duration // for one request and its reply; 0: 10 s
	Tries   int           // of a request; 0: 3
	// How long the circuit breaker stays open:
	Cooldown time.Duration // after several failures in a row; 0: a minute
	Ban      time.Duration // after a 403; 0: an hour
}

func (s Service) parse() (*url.URL, error) {
	text := s.URL
	if text == "" {
		text = DefaultURL
	}
	u, err := url.Parse(text)
	// What is wrong with a URL is told without it: it may hold a password.
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("Service.URL is no http or https URL")
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

func (s Service) tries() int {
	if s.Tries <= 0 {
		return defaultTries
	}
	return s.Tries
}

func positive(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// pause is how long to wait after a try, the first of which is 1: it doubles,
// and is jittered so that processes that failed together do not meet again.
func pause(try int) time.Duration {
	d := longestPause
	if try < 7 {
		d = firstPause << (try - 1)
	}
	return d/2 + rand.N(d)
}

// retryAfter reads the header of this name: seconds, or a date.
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
