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

// Registry is an [alert.Registry] with the schemas of the LSST packets that this
// package makes: the [Simulator]'s, with id 900, and those that a [Replay] adds,
// each before the first packet that names it. Its zero value is ready to use, and
// its methods are safe for concurrent use.
type Registry struct {
	// Dir is the directory to which added schemas are also written, as
	// lsst-ID.avsc, so that other processes can use it as their registry. If
	// empty, they are not written.
	Dir string
	// Next is queried for other ids. If nil, they are unknown.
	Next alert.Registry

	mu    sync.Mutex
	texts map[uint32][]byte
}

// Schema implements alert.Registry.
func (r *Registry) Schema(ctx context.Context, id uint32) ([]byte, error) {
	r.mu.Lock()
	text := r.all()[id]
	r.mu.Unlock()
	if text != nil {
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

// all returns the schemas by id. The caller must hold r.mu.
func (r *Registry) all() map[uint32][]byte {
	if r.texts == nil {
		r.texts = map[uint32][]byte{lsstID: []byte(lsstSchema())}
	}
	return r.texts
}

var errTaken = errors.New("another schema has that id")

// add adds a schema. The error is errTaken if id has another one.
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
	if err := r.write(id, text); err != nil {
		return fmt.Errorf("sim: registry: %w", err)
	}
	return nil
}

// write renames a complete file, since a registry may read it at any time.
func (r *Registry) write(id uint32, text []byte) error {
	if err := os.MkdirAll(r.Dir, 0o777); err != nil {
		return err
	}
	name := filepath.Join(r.Dir, fmt.Sprintf("lsst-%d.avsc", id))
	if err := os.WriteFile(name+".tmp", text, 0o666); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}
