package demo

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/skyfinch/skyfinch/alert"
)

// schemaNotFound is what a registry's API says of an id that it does not have.
const schemaNotFound = 40403

// serveRegistry serves a registry on a port of 127.0.0.1 that is free, as far
// as readers of alerts ask: GET /schemas/ids/ID, and /subjects, which clients
// like to look at first.
func serveRegistry(r alert.Registry) (url string, stop func() error, err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /schemas/ids/{id}", func(w http.ResponseWriter, req *http.Request) {
		id, err := strconv.ParseUint(req.PathValue("id"), 10, 32)
		var text []byte
		if err == nil {
			text, err = r.Schema(req.Context(), uint32(id))
		}
		switch {
		case err == nil:
			reply(w, http.StatusOK, map[string]any{"schema": string(text)})
		case errors.Is(err, alert.ErrUnknownSchema):
			reply(w, http.StatusNotFound, map[string]any{"error_code": schemaNotFound, "message": err.Error()})
		default:
			reply(w, http.StatusInternalServerError, map[string]any{"error_code": 50001, "message": err.Error()})
		}
	})
	mux.HandleFunc("GET /subjects", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, []string{})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener) // until it is closed
	}()
	return "http://" + listener.Addr().String(), func() error {
		err := server.Close()
		<-served
		return err
	}, nil
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
