package sim

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
)

// Replay yields real packets from files as their surveys send them. Its methods
// keep no state and are safe for concurrent use.
type Replay struct {
	// Patterns name files, directories, globs and tarballs, as
	// files.Source.Patterns do.
	Patterns []string
	// Registry receives the schema of each LSST packet before the packet is
	// yielded, and is queried for the schemas of framed packets. If nil, each call
	// of Packets uses a new one.
	Registry *Registry
	// Vary, if not nil, makes all packets different. Benchmarks need it, since
	// repeated packets compress better than any real night.
	Vary *Vary
}

// Packets yields n packets and repeats the files as needed. If n is 0, it yields
// each packet once; if n is negative, it never ends. A packet that cannot be
// decoded is yielded unchanged, without ID and Time. The sequence ends with its
// first error: files that cannot be read, patterns without any packet, or a
// Registry that cannot write.
func (r *Replay) Packets(ctx context.Context, n int64) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		if err := r.packets(ctx, n, func(p Packet) bool { return yield(p, nil) }); err != nil {
			yield(Packet{}, err)
		}
	}
}

func (r *Replay) packets(ctx context.Context, n int64, yield func(Packet) bool) error {
	t := translator{registry: r.Registry, inflate: r.Vary != nil, writers: map[string]*writer{}, byID: map[uint32]*writer{}}
	if t.registry == nil {
		t.registry = &Registry{}
	}
	var v *variation
	if r.Vary != nil {
		v = newVariation(*r.Vary, n)
	}
	source := &files.Source{Patterns: r.Patterns}
	if err := source.Check(ctx); err != nil {
		return err
	}
	left := n
	emit := func(m message) (bool, error) {
		p, at, err := t.packet(ctx, m)
		if err != nil {
			return false, err
		}
		if v != nil {
			v.vary(&p, at)
		}
		left--
		return yield(p) && left != 0, nil
	}
	for {
		before := left
		more, err := pass(ctx, source, emit)
		if err != nil || !more || n == 0 {
			return err
		}
		if left == before {
			return fmt.Errorf("sim: replay: no packets in %v", r.Patterns)
		}
	}
}

// message is a message of a file.
type message struct{ key, value []byte }

// pass calls emit for the messages of all files once, until it returns false.
func pass(ctx context.Context, source *files.Source, emit func(message) (bool, error)) (more bool, err error) {
	extents, err := source.Available(ctx)
	if err != nil {
		return false, err
	}
	ranges := make([]stream.Range, len(extents))
	for i, e := range extents {
		ranges[i] = e.Range
	}
	for chunk, err := range source.Read(ctx, ranges) {
		if err != nil {
			return false, err
		}
		if chunk.Messages == nil {
			continue
		}
		keys := chunk.Messages.Column(stream.ColKey).(*array.BinaryView)
		values := chunk.Messages.Column(stream.ColValue).(*array.BinaryView)
		for i := range values.Len() {
			m := message{value: values.Value(i)}
			if keys.IsValid(i) {
				m.key = keys.Value(i)
			}
			if more, err := emit(m); err != nil || !more {
				return false, err
			}
		}
	}
	return true, nil
}
