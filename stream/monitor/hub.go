package monitor

import (
	"encoding/json"
	"sync"
)

// maxListeners bounds the clients of /events.
const maxListeners = 200

// hub has the newest status for the clients of /events. A client that reads slowly
// misses some.
type hub struct {
	mu        sync.Mutex
	listeners map[chan struct{}]bool
	status    []byte // in JSON
	version   int64
	closed    chan struct{}
}

func (h *hub) init() {
	h.listeners, h.closed = map[chan struct{}]bool{}, make(chan struct{})
}

// listen returns a channel that gets a value when there is something new, or nil
// if there are too many listeners.
func (h *hub) listen() chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) >= maxListeners {
		return nil
	}
	c := make(chan struct{}, 1)
	h.listeners[c] = true
	return c
}

func (h *hub) leave(c chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, c)
}

func (h *hub) listened() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.listeners) > 0
}

// publish sends a status to all listeners. It never blocks.
func (h *hub) publish(s *status) {
	data, err := json.Marshal(s)
	if err != nil {
		return // it has no value that JSON lacks
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = data
	h.version++
	for c := range h.listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// newest returns the newest status and its number.
func (h *hub) newest() ([]byte, int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status, h.version
}

// close ends all requests for events.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
}
