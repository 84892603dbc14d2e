package cds

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// errOurs marks a reply that is whole but not what the client's fields say: it
// would be the same the next time.
var errOurs = errors.New("see Client.Fields")

// rounding is how far from the truth a separation is that has six decimals.
const rounding = 0.5e-6 * crossmatch.Arcsecond

// reply takes the rows of a reply as they come, in any order, and keeps the
// nearest for each position; the first of those as near.
type reply struct {
	r        *request
	distance int   // its column
	row      int   // that of our own number
	at       []int // those of the fields
	found    []found
}

// read reads the reply to r: an answer for each position, or why there is none.
func (r *request) read(from io.Reader) ([]found, error) {
	y := &reply{r: r, found: make([]found, r.n)}
	status, err := readTable(from, y.columns, y.take)
	switch {
	case status.value == "ERROR":
		return nil, &Error{Code: http.StatusOK, Message: status.text}
	case err != nil:
		return nil, err
	case status.value == "OVERFLOW":
		return nil, fmt.Errorf("the service left rows out, as there are too many: make Client.Batch smaller: %w", errOurs)
	}
	return y.found, nil
}

// columns finds those that were asked for.
func (y *reply) columns(all []column) error {
	find := func(name string) int {
		exact := slices.IndexFunc(all, func(c column) bool { return c.name == name })
		if exact >= 0 {
			return exact
		}
		return slices.IndexFunc(all, func(c column) bool { return strings.EqualFold(c.name, name) })
	}
	y.distance, y.row = find("angDist"), find(rowColumn)
	if y.distance < 0 || y.row < 0 {
		return errors.New("the reply is without angDist or our row numbers")
	}
	if u := all[y.distance].unit; u != "" && u != "arcsec" {
		return fmt.Errorf("the reply has angDist in %q instead of arcsec", u)
	}
	y.at = make([]int, len(y.r.fields))
	for i, f := range y.r.fields {
		if y.at[i] = find(f.Name); y.at[i] < 0 {
			return fmt.Errorf("the table has no column %q: %w", f.Name, errOurs)
		}
	}
	return nil
}

// take takes a row.
func (y *reply) take(cells []cell) error {
	row, err := strconv.Atoi(cells[y.row].text)
	if err != nil || row < 0 || row >= y.r.n {
		return fmt.Errorf("the reply has row %q of %d that were sent", short(cells[y.row].text), y.r.n)
	}
	d, err := strconv.ParseFloat(cells[y.distance].text, 64)
	if err != nil || !(d >= 0) || math.IsInf(d, 0) {
		return fmt.Errorf("the reply has angDist %q", short(cells[y.distance].text))
	}
	separation := crossmatch.Angle(d) * crossmatch.Arcsecond
	if separation > max(y.r.radius, leastRadius)+2*rounding {
		return fmt.Errorf("the reply has a separation of %v\", beyond the radius", d)
	}
	old := &y.found[row]
	if separation > y.r.radius+rounding || old.match && old.separation <= separation {
		return nil
	}
	values, err := convert(y.r.fields, y.at, cells)
	if err != nil {
		return err
	}
	// Rounded up it would be beyond the radius that it was found within.
	*old = found{match: true, separation: min(separation, y.r.radius), row: values}
	return nil
}

func convert(fields []arrow.Field, at []int, cells []cell) ([]any, error) {
	values := make([]any, len(fields))
	for i, f := range fields {
		c := cells[at[i]]
		if c.null {
			continue
		}
		v, err := value(f.Type, c.text)
		if err != nil {
			return nil, fmt.Errorf("column %q: %q is no %s: %w", f.Name, short(c.text), f.Type, errOurs)
		}
		values[i] = v
	}
	return values, nil
}

// short is a text that is fit for an error or a log.
func short(s string) string {
	const most = 300
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "?")
	for i := range s {
		if i > most {
			return s[:i] + "…"
		}
	}
	return s
}
