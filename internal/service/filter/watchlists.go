package filter

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/skyfinch/skyfinch/alert/filter"
	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/catalog"
)

// watchlists match alerts with the tables of filters.
type watchlists struct {
	joins []crossmatch.Join
	dir   string // of files that were copied out of the program
}

// openWatchlists opens the watchlists of filters.
func openWatchlists(ctx context.Context, filters []*filter.Filter) (w *watchlists, err error) {
	w = &watchlists{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	opened := map[string]string{}
	for _, f := range filters {
		for _, l := range f.Watchlists {
			spec, err := w.spec(l)
			if err != nil {
				return w, fmt.Errorf("filter %s: watchlist %s: %w", f.Name, l.Name, err)
			}
			if old, ok := opened[l.Name]; ok {
				if old != spec {
					return w, fmt.Errorf("filter %s: another filter has a watchlist %s with another table: rename one", f.Name, l.Name)
				}
				continue
			}
			opened[l.Name] = spec
			join, err := catalog.Open(ctx, spec, catalog.Options{})
			if err != nil {
				return w, fmt.Errorf("filter %s: watchlist %s: %w", f.Name, l.Name, err)
			}
			w.joins = append(w.joins, join)
		}
	}
	return w, nil
}

// Watchlists opens the watchlists of filters, for a job. The caller must call done.
func Watchlists(ctx context.Context, filters []*filter.Filter) (joins []crossmatch.Join, done func(), err error) {
	w, err := openWatchlists(ctx, filters)
	if err != nil {
		return nil, nil, err
	}
	return w.joins, w.close, nil
}

// spec returns the specification of a catalogue. A file beside the filter is copied
// to a temporary directory if it is not one of the operating system's.
func (w *watchlists) spec(l filter.Watchlist) (string, error) {
	where, options, _ := strings.Cut(l.Spec, "?")
	if l.Dir != nil && !filepath.IsAbs(where) && fs.ValidPath(where) {
		if f, err := l.Dir.Open(where); err == nil {
			defer f.Close()
			if where, err = w.local(f, where); err != nil {
				return "", err
			}
		}
	}
	if options != "" {
		options = "?" + options
	}
	return l.Name + "=" + where + options, nil
}

func (w *watchlists) local(f fs.File, name string) (path string, err error) {
	if g, ok := f.(*os.File); ok {
		return g.Name(), nil
	}
	if w.dir == "" {
		if w.dir, err = os.MkdirTemp("", "skyfinch-watchlists-"); err != nil {
			return "", err
		}
	}
	path = filepath.Join(w.dir, filepath.Base(name))
	out, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer out.Close()
	_, err = io.Copy(out, f)
	return path, err
}

func (w *watchlists) close() {
	for _, j := range w.joins {
		j.Close()
	}
	if w.dir != "" {
		os.RemoveAll(w.dir)
	}
}

// adds reports whether a column is one that a watchlist adds.
func (w *watchlists) adds(column string) bool {
	return slices.ContainsFunc(w.joins, func(j crossmatch.Join) bool { return strings.HasPrefix(column, j.Name+"_") })
}

// position returns the columns of the position.
func (w *watchlists) position(schema *arrow.Schema) []string {
	if len(w.joins) == 0 {
		return nil
	}
	if len(schema.FieldIndices("ra")) > 0 {
		return []string{"ra", "dec"}
	}
	return []string{"candidate.ra", "candidate.dec", "diaSource.ra", "diaSource.dec"} // packets without the columns of an archive
}

// schema returns a schema with the columns of the watchlists.
func (w *watchlists) schema(s *arrow.Schema) (*arrow.Schema, error) {
	if len(w.joins) == 0 {
		return s, nil
	}
	flat, _ := withPosition(s, nil)
	return (&crossmatch.Transform{Joins: w.joins, RA: raColumn, Dec: decColumn}).Schema(flat)
}

// match returns a record with the columns of the watchlists. The caller must release
// it.
func (w *watchlists) match(ctx context.Context, rec arrow.Record) (arrow.Record, error) {
	if len(w.joins) == 0 {
		rec.Retain()
		return rec, nil
	}
	_, flat := withPosition(rec.Schema(), rec)
	defer flat.Release()
	return (&crossmatch.Transform{Joins: w.joins, RA: raColumn, Dec: decColumn}).Match(ctx, flat)
}

// The columns of the position for the match.
const raColumn, decColumn = "watchlist ra", "watchlist dec"

// withPosition adds the columns of the position: those of the archive, or of the
// packet.
func withPosition(s *arrow.Schema, rec arrow.Record) (*arrow.Schema, arrow.Record) {
	fields := s.Fields()
	var columns []arrow.Array
	if rec != nil {
		columns = slices.Clone(rec.Columns())
	}
	for _, axis := range []struct{ short, name string }{{"ra", raColumn}, {"dec", decColumn}} {
		fields = append(fields, arrow.Field{Name: axis.name, Type: arrow.PrimitiveTypes.Float64, Nullable: true})
		if rec == nil {
			continue
		}
		var found arrow.Array
		if i := s.FieldIndices(axis.short); len(i) > 0 {
			found = rec.Column(i[0])
		}
		for _, outer := range []string{"candidate", "diaSource"} {
			i := s.FieldIndices(outer)
			if found != nil || len(i) == 0 {
				continue
			}
			if st, ok := rec.Column(i[0]).(*array.Struct); ok {
				if k, ok := st.DataType().(*arrow.StructType).FieldIdx(axis.short); ok {
					found = st.Field(k)
				}
			}
		}
		if found == nil || found.DataType().ID() != arrow.FLOAT64 {
			found = array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Float64, int(rec.NumRows()))
			defer found.Release()
		}
		columns = append(columns, found)
	}
	schema := arrow.NewSchema(fields, nil)
	if rec == nil {
		return schema, nil
	}
	return schema, array.NewRecord(schema, columns, rec.NumRows())
}
