package cdstest

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
	"time"
)

// Fault replies to a request in place of the server. It is given the reply that the
// server would have sent.
type Fault func(w http.ResponseWriter, r *http.Request, reply []byte)

// Refuse replies with a VOTable that has an error message, as the service does with
// 400 and 503.
func Refuse(code int, why string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(code)
		fmt.Fprintf(w, "%s<RESOURCE type=\"results\">\n<INFO name=\"QUERY_STATUS\" value=\"ERROR\">\n\tMessage: %s\n\tTrace:\ncds.xmatch.Servlet</INFO>\n</RESOURCE>\n</VOTABLE>\n", head, html.EscapeString(why))
	}
}

// Plain replies with a status and a text, as the proxies in front of the service do
// with 403, 500 and 504.
func Plain(code int, text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text))
	}
}

// Later adds a Retry-After of d to a fault.
func Later(d time.Duration, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, reply []byte) {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.Seconds())))
		f(w, r, reply)
	}
}

// Hang does not reply.
func Hang() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }
}

// Slow delays the reply by d.
func Slow(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, reply []byte) {
		select {
		case <-time.After(d):
			_, _ = w.Write(reply)
		case <-r.Context().Done():
		}
	}
}

// Cut sends a fraction of the reply, from 0 to 1, as if it were whole.
func Cut(fraction float64) Fault {
	return func(w http.ResponseWriter, _ *http.Request, reply []byte) {
		_, _ = w.Write(reply[:int(fraction*float64(len(reply)))])
	}
}

// Break announces the whole reply and closes the connection after a fraction of
// it.
func Break(fraction float64) Fault {
	return func(w http.ResponseWriter, _ *http.Request, reply []byte) {
		w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
		_, _ = w.Write(reply[:int(fraction*float64(len(reply)))])
	}
}

// First returns a Server.Fault with a fault for each of the first requests.
func First(faults ...Fault) func(int) Fault {
	return func(n int) Fault {
		if n > len(faults) {
			return nil
		}
		return faults[n-1]
	}
}

// Always returns a Server.Fault with the same fault for all requests.
func Always(f Fault) func(int) Fault {
	return func(int) Fault { return f }
}
