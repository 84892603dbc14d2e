package cdstest

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
	"time"
)

// Fault answers a request instead of the server, which has made the reply that
// it would have given.
type Fault func(w http.ResponseWriter, r *http.Request, reply []byte)

// Refuse answers with a VOTable that says why, as the service does with 400 and
// 503 whatever format was asked for.
func Refuse(code int, why string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(code)
		fmt.Fprintf(w, "%s<RESOURCE type=\"results\">\n<INFO name=\"QUERY_STATUS\" value=\"ERROR\">\n\tMessage: %s\n\tTrace:\ncds.xmatch.Servlet</INFO>\n</RESOURCE>\n</VOTABLE>\n", head, html.EscapeString(why))
	}
}

// Plain answers with a status and a text, as what stands before the service
// does with 403, 500 and 504.
func Plain(code int, text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text))
	}
}

// Later is a fault that asks to be left alone for so long.
func Later(d time.Duration, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, reply []byte) {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.Seconds())))
		f(w, r, reply)
	}
}

// Hang does not answer.
func Hang() Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }
}

// Slow answers late.
func Slow(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, reply []byte) {
		select {
		case <-time.After(d):
			_, _ = w.Write(reply)
		case <-r.Context().Done():
		}
	}
}

// Cut answers with the first part of the reply, in a body that ends as if that
// were all.
func Cut(part float64) Fault {
	return func(w http.ResponseWriter, _ *http.Request, reply []byte) {
		_, _ = w.Write(reply[:int(part*float64(len(reply)))])
	}
}

// Break promises the whole reply and closes the connection after a part.
func Break(part float64) Fault {
	return func(w http.ResponseWriter, _ *http.Request, reply []byte) {
		w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
		_, _ = w.Write(reply[:int(part*float64(len(reply)))])
	}
}

// First makes a Server.Fault of faults for the first requests, one each.
func First(faults ...Fault) func(int) Fault {
	return func(n int) Fault {
		if n > len(faults) {
			return nil
		}
		return faults[n-1]
	}
}

// Always makes a Server.Fault of one for all requests.
func Always(f Fault) func(int) Fault {
	return func(int) Fault { return f }
}
