package cds

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrUnavailable is the cause of answers that failed without a request: earlier
// ones failed, and the circuit breaker of the service is open.
var ErrUnavailable = errors.New("the service is unavailable")

// Error is what the service said instead of an answer.
type Error struct {
	Code    int    // HTTP status; 200 when the error came in the body
	Message string // of the body; may be empty
}

// Error returns the status and the message.
func (e *Error) Error() string {
	s := fmt.Sprintf("the service answers %d %s", e.Code, http.StatusText(e.Code))
	if e.Message != "" {
		s += ": " + e.Message
	}
	return strings.TrimSpace(s)
}

// failure is a request that was not answered, and what to do about it.
type failure struct {
	err   error
	again bool          // it may go well the next time
	ban   bool          // the service wants to be left alone
	after time.Duration // not before, if the server said so
}

func transient(format string, args ...any) *failure {
	return &failure{err: fmt.Errorf(format, args...), again: true}
}

func final(format string, args ...any) *failure {
	return &failure{err: fmt.Errorf(format, args...)}
}
