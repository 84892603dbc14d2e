package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/skyfinch/skyfinch/alert"
)

// Registry is an [alert.Registry] that knows the schemas of the LSST packets
// which this package makes: from the start that of [Simulator], id 900, and
// those of a [Replay] that it is given to, each before the first packet that
// names it. Its zero value is ready to use, by any number of goroutines.
type Registry struct {
	// Dir is where each schema is written too, as lsst-ID.avsc, so that other
	// processes can use the directory as their registry. "": nowhere.
	Dir string
	// Next is asked for ids that are not known here. nil: they are unknown.
	Next alert.Registry

	mu    sync.Mutex
	texts map[uint32][]byte
}

// Schema implements alert.Registry.
func (r *Registry) Schema(ctx context.Context, id uint32) ([]byte, error) {
	if text := r.known(id); text != nil {
		return text, nil
	}
	if r.Next != nil {
		return r.Next.Schema(ctx, id)
	}
	return nil, fmt.Errorf("sim: registry: %w %d", alert.ErrUnknownSchema, id)
}

// IDs implements alert.Lister.
func (r *Registry) IDs(ctx context.Context) ([]uint32, error) {
	var ids []uint32
	if l, ok := r.Next.(alert.Lister); ok {
		var err error
		if ids, err = l.IDs(ctx); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	ids = slices.AppendSeq(slices.Clone(ids), maps.Keys(r.all()))
	r.mu.Unlock()
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (r *Registry) known(id uint32) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all()[id]
}

// all is what is known by id. The caller holds r.mu.
func (r *Registry) all() map[uint32][]byte {
	if r.texts == nil {
		r.texts = map[uint32][]byte{lsstID: []byte(lsstSchema())}
	}
	return r.texts
}

var errTaken = errors.New("another schema has that id")

// add makes a schema known under an id.
func (r *Registry) add(id uint32, text []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts := r.all()
	if old, ok := texts[id]; ok && string(old) != string(text) {
		return fmt.Errorf("sim: registry: schema %d: %w", id, errTaken)
	}
	texts[id] = text
	if r.Dir == "" {
		return nil
	}
	return r.write(id, text)
}

// write moves the file into its place whole, for a registry may look meanwhile.
func (r *Registry) write(id uint32, text []byte) error {
	if err := os.MkdirAll(r.Dir, 0o777); err != nil {
		return fmt.Errorf("sim: registry: %w", err)
	}
	name := filepath.Join(r.Dir, fmt.Sprintf("lsst-%d.avsc", id))
	if err := os.WriteFile(name+".tmp", text, 0o666); err != nil {
		return fmt.Errorf("sim: registry: %w", err)
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return fmt.Errorf("sim: registry: %w", err)
	}
	return nil
}
