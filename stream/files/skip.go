package files

import (
	"log/slog"
	"sync"
)

// mostSkipped bounds the paths that a Source warns of, and remembers for that.
const mostSkipped = 1000

// skipped are the paths that a Source has warned of: it lists again and again,
// and one warning a path is enough.
type skipped struct {
	mu    sync.Mutex
	paths map[string]bool
}

// skip warns of an entry that is left out.
func (s *Source) skip(path, why string) {
	s.skipped.mu.Lock()
	defer s.skipped.mu.Unlock()
	n := len(s.skipped.paths)
	if s.skipped.paths[path] || n > mostSkipped {
		return
	}
	if n == 0 {
		s.skipped.paths = map[string]bool{}
	}
	s.skipped.paths[path] = true
	log := s.Log
	if log == nil {
		log = slog.Default()
	}
	if n == mostSkipped {
		log.Warn("more entries are skipped than there are warnings for", "warnings", mostSkipped)
		return
	}
	log.Warn("entry skipped", "path", path, "cause", why)
}
