package cds

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrUnavailable is the cause of answers that failed without a request, because
// earlier requests failed and the circuit breaker is open.
var ErrUnavailable = errors.New("the service is unavailable")

// Error is an error that the service reported.
type Error struct {
	Code    int    // HTTP status; 200 if the error is in the body
	Message string // from the body; may be empty
}

// Error returns the status and the message.
func (e *Error) Error() string {
	s := fmt.Sprintf("the service answers %d %s", e.Code, http.StatusText(e.Code))
	if e.Message != "" {
		s += ": " + e.Message
	}
	return strings.TrimSpace(s)
}

// failure is the failure of a request, and how to proceed.
type failure struct {
	err       error
	retryable bool
	ban       bool
	after     time.Duration // the server's Retry-After
}
