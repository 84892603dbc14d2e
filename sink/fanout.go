package sink

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/internal/gather"
	"github.com/skyfinch/skyfinch/stream"
)

// FanOut sends each row to the sinks of zero or more routes, as Choose decides. It
// puts their receipts into one commit, so that either all of them publish a batch or
// none does. Two of them must not write the same table of the same store. Each
// Parquet takes its own Memory: with many routes, set less.
//
// A receipt names its routes, so routes may be added, removed and reordered between
// runs. But if a batch with rows of a removed route is still to be published,
// Publish returns an error that names the route.
type FanOut struct {
	Routes []Route
	// Choose appends to chosen[i], which is empty, the numbers of the rows that go
	// to Routes[i], in ascending order. It must not keep rows or chosen. It is not
	// called concurrently for one batch.
	Choose func(ctx context.Context, rows stream.Rows, chosen [][]int32) error
}

// Route is a sink of a FanOut.
type Route struct {
	Name string // unique, not empty; it is recorded in the ledger
	Sink stream.Sink
}

// Stage implements stream.Sink. The sinks run concurrently, but get the rows of a
// record one after another, so that there is one copy at a time. The first error
// stops them all.
//
// A sink that gets all rows of a record gets the record itself. Otherwise it gets a
// copy of its rows, so that a sink that retains them does not retain the others.
func (f *FanOut) Stage(ctx context.Context, b stream.Batch) (stream.Receipt, error) {
	if _, err := f.byName(); err != nil {
		return stream.Receipt{}, err
	}
	if f.Choose == nil {
		return stream.Receipt{}, permanentf("FanOut needs Choose")
	}
	sinks := make([]stream.Sink, len(f.Routes))
	for i, r := range f.Routes {
		sinks[i] = r.Sink
	}
	chosen := make([][]int32, len(f.Routes))
	send := func(s *staging, rows stream.Rows) error { return f.send(s, rows, chosen) }
	describe := func(i int, err error) error { return routeError(f.Routes[i].Name, err) }
	receipts, err := stageAll(ctx, sinks, b, send, describe)
	out := f.receipt(receipts)
	if err != nil {
		f.Discard(context.WithoutCancel(ctx), out)
		return stream.Receipt{}, err
	}
	return out, nil
}

// send sends rows to the sinks that Choose names. It reuses chosen.
func (f *FanOut) send(s *staging, rows stream.Rows, chosen [][]int32) error {
	for i := range chosen {
		chosen[i] = chosen[i][:0]
	}
	if err := f.Choose(s.ctx, rows, chosen); err != nil {
		return err
	}
	for i, index := range chosen {
		if len(index) == 0 {
			continue
		}
		if err := f.sendTo(s, i, rows, index); err != nil {
			return err
		}
	}
	return nil
}

// sendTo sends the rows with the numbers in index to the sink of route i.
func (f *FanOut) sendTo(s *staging, i int, rows stream.Rows, index []int32) error {
	if err := checkIndex(index, rows.Record.NumRows()); err != nil {
		return permanentf("FanOut: Choose: route %q: %w", f.Routes[i].Name, err)
	}
	picked, err := choose(rows, index)
	if err != nil {
		return routeError(f.Routes[i].Name, err)
	}
	defer picked.Record.Release()
	return s.send(picked, s.branches[i])
}

func routeError(name string, err error) error { return fmt.Errorf("sink: route %q: %w", name, err) }

func checkIndex(index []int32, rows int64) error {
	before := int32(-1)
	for _, n := range index {
		if n <= before || int64(n) >= rows {
			return fmt.Errorf("row %d after row %d of %d: the rows must be in ascending order", n, before, rows)
		}
		before = n
	}
	return nil
}

// choose returns the rows whose numbers are in index. The caller must release the
// record.
func choose(rows stream.Rows, index []int32) (stream.Rows, error) {
	if int64(len(index)) == rows.Record.NumRows() {
		rows.Record.Retain()
		return rows, nil
	}
	schema := rows.Record.Schema()
	if err := checkCopy(schema); err != nil {
		return stream.Rows{}, err
	}
	rec, err := gather.Compact(memory.DefaultAllocator, schema, gather.Rows{Record: rows.Record, Index: index})
	if err != nil {
		return stream.Rows{}, err
	}
	from := slices.Clone(index) // send reuses index
	if rows.From != nil {
		for i, n := range index {
			from[i] = rows.From[n]
		}
	}
	return stream.Rows{Table: rows.Table, Record: rec, From: from}, nil
}

func checkCopy(s *arrow.Schema) error {
	for _, f := range s.Fields() {
		if !gather.Supported(f.Type) {
			return stream.Permanent(fmt.Errorf("column %s: rows of type %s cannot be copied", f.Name, f.Type))
		}
	}
	return nil
}

// receipt returns the receipt of all routes. Routes that have nothing to publish
// are left out.
func (f *FanOut) receipt(parts []stream.Receipt) (out stream.Receipt) {
	for i, p := range parts {
		if len(p.Files)+len(p.Parts)+len(p.Data) > 0 {
			p.Route = f.Routes[i].Name
			out.Parts = append(out.Parts, p)
		}
	}
	return out
}

// byName returns the sinks by the names of their routes.
func (f *FanOut) byName() (map[string]stream.Sink, error) {
	sinks := make(map[string]stream.Sink, len(f.Routes))
	for i, r := range f.Routes {
		switch {
		case r.Name == "" || r.Sink == nil:
			return nil, permanentf("FanOut: route %d (%q) needs a Name and a Sink", i, r.Name)
		case sinks[r.Name] != nil:
			return nil, permanentf("FanOut: two routes are named %q", r.Name)
		}
		sinks[r.Name] = r.Sink
	}
	return sinks, nil
}

// isFanOut reports whether a receipt is from a FanOut and has something to publish.
func isFanOut(r stream.Receipt) bool { return len(r.Parts) > 0 && r.Parts[0].Route != "" }

// Publish implements stream.Sink. It publishes the routes in the order in which
// they were staged, and does not call the sinks of those without rows.
func (f *FanOut) Publish(ctx context.Context, id stream.BatchID, r stream.Receipt) error {
	sinks, err := f.byName()
	if err != nil {
		return err
	}
	if len(r.Files)+len(r.Data) > 0 {
		return wrongReceipt("another sink", "a FanOut")
	}
	for _, p := range r.Parts {
		switch {
		case p.Route == "":
			return wrongReceipt(partsFrom(r), "a FanOut")
		case sinks[p.Route] == nil:
			return permanentf("batch %d has rows for the route %q, which is gone: restart with that route, and remove it once the batch is published",
				id.Number, p.Route)
		}
	}
	for _, p := range r.Parts {
		name := p.Route
		p.Route = ""
		if err := sinks[name].Publish(ctx, id, p); err != nil {
			return routeError(name, err)
		}
	}
	return nil
}

// Discard implements stream.Sweeper.
func (f *FanOut) Discard(ctx context.Context, r stream.Receipt) {
	sinks, _ := f.byName()
	for _, p := range r.Parts {
		if d, ok := sinks[p.Route].(stream.Sweeper); ok {
			p.Route = ""
			d.Discard(ctx, p)
		}
	}
}

// Sweep implements stream.Sweeper.
func (f *FanOut) Sweep(ctx context.Context, id stream.BatchID) error {
	all := make(Tee, len(f.Routes))
	for i, r := range f.Routes {
		all[i] = r.Sink
	}
	return all.Sweep(ctx, id)
}
