package files

import (
	"log/slog"
	"sync"
)

// maxWarnings bounds the number of paths that a Source warns of and remembers.
const maxWarnings = 1000

// skippedPaths are the paths that a Source has warned of. It lists its patterns
// repeatedly, but warns once of each path.
type skippedPaths struct {
	mu    sync.Mutex
	paths map[string]bool
}

// skip warns of a skipped directory entry.
func (s *Source) skip(path, cause string) {
	s.skipped.mu.Lock()
	defer s.skipped.mu.Unlock()
	n := len(s.skipped.paths)
	if s.skipped.paths[path] || n > maxWarnings {
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
	if n == maxWarnings {
		log.Warn("further skipped entries are not logged", "warnings", maxWarnings)
		return
	}
	log.Warn("entry skipped", "path", path, "cause", cause)
}
