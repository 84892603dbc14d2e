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

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// errOurs marks a reply that is whole but not what the client's fields say: it
// would be the same the next time.
var errOurs = errors.New("see Client.Fields")

// rounding is how far from the truth a separation is that has six decimals.
const rounding = 0.5e-6 * crossmatch.Arcsecond

// reply takes the rows of a reply as they come, in any order, and keeps the
// nearest for each position; the first of those as near.
type reply struct {
	r      *request
	fields []votable.Field // of the table
	// Which of them are what was asked for.
	distance int
	row      int // our own number
	at       []int
	found    []found
}

// read reads the reply to r: an answer for each position, or why there is none.
// Nothing counts before all of the reply is there: the service may say behind
// the rows that it failed or left some out, and a reply without its end may be
// without rows, too.
func (r *request) read(from io.Reader) ([]found, error) {
	y := &reply{r: r, found: make([]found, r.n)}
	err := y.read(from)
	var status *votable.StatusError
	switch {
	case err == nil:
		return y.found, nil
	case errors.As(err, &status) && status.Status == "OVERFLOW":
		return nil, fmt.Errorf("the service left rows out, as there are too many: make Client.Batch smaller: %w", errOurs)
	case status != nil:
		return nil, &Error{Code: http.StatusOK, Message: said(status)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the reply is cut: %w", io.ErrUnexpectedEOF)
	}
	return nil, fmt.Errorf("the reply: %w", err)
}

func (y *reply) read(from io.Reader) error {
	v, err := votable.NewReader(from)
	if err != nil {
		return err
	}
	if v.Fields() == nil { // also of no rows there is one
		return errors.New("it has no table")
	}
	if err := y.columns(v.Fields()); err != nil {
		return err
	}
	v.Select(append([]int{y.distance, y.row}, y.at...))
	for {
		cells, err := v.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := y.take(cells); err != nil {
			return err
		}
	}
}

// message is what an error's VOTable says, cut or not; "" if it is none.
func message(from io.Reader) string {
	v, err := votable.NewReader(from)
	for err == nil {
		_, err = v.Next()
	}
	var status *votable.StatusError
	if errors.As(err, &status) && status.Status == "ERROR" {
		return said(status)
	}
	return ""
}

// said is the message of a status. The service adds where in its program that
// was.
func said(status *votable.StatusError) string {
	text, _, _ := strings.Cut(status.Message, "Trace:")
	return short(strings.TrimPrefix(strings.TrimSpace(text), "Message:"))
}

// columns finds those that were asked for.
func (y *reply) columns(all []votable.Field) error {
	y.fields = all
	find := func(name string) int {
		exact := slices.IndexFunc(all, func(f votable.Field) bool { return f.Name == name })
		if exact >= 0 {
			return exact
		}
		return slices.IndexFunc(all, func(f votable.Field) bool { return strings.EqualFold(f.Name, name) })
	}
	y.distance, y.row = find("angDist"), find(rowColumn)
	if y.distance < 0 || y.row < 0 {
		return errors.New("it is without angDist or our row numbers")
	}
	if u := all[y.distance].Unit; u != "" && u != "arcsec" {
		return fmt.Errorf("it has angDist in %q instead of arcsec", u)
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
func (y *reply) take(cells []votable.Cell) error {
	number := y.text(cells, y.row)
	row, err := strconv.Atoi(number)
	if err != nil || row < 0 || row >= y.r.n {
		return fmt.Errorf("it has row %q of %d that were sent", short(number), y.r.n)
	}
	distance := y.text(cells, y.distance)
	d, err := strconv.ParseFloat(distance, 64)
	if err != nil || !(d >= 0) || math.IsInf(d, 0) {
		return fmt.Errorf("it has angDist %q", short(distance))
	}
	separation := crossmatch.Angle(d) * crossmatch.Arcsecond
	if separation > max(y.r.radius, leastRadius)+2*rounding {
		return fmt.Errorf("it has a separation of %v\", beyond the radius", d)
	}
	old := &y.found[row]
	if separation > y.r.radius+rounding || old.match && old.separation <= separation {
		return nil
	}
	values, err := y.convert(cells)
	if err != nil {
		return err
	}
	// Rounded up it would be beyond the radius that it was found within.
	*old = found{match: true, separation: min(separation, y.r.radius), row: values}
	return nil
}

// text is the text of a cell, though it is binary; "" if it is null.
func (y *reply) text(cells []votable.Cell, i int) string {
	if cells[i].Null {
		return ""
	}
	if cells[i].Raw == nil {
		return string(cells[i].Text)
	}
	return string(y.fields[i].AppendText(nil, cells[i]))
}

// convert makes values of the types that the client's fields have.
func (y *reply) convert(cells []votable.Cell) ([]any, error) {
	values := make([]any, len(y.at))
	for i, f := range y.r.fields {
		if cells[y.at[i]].Null {
			continue
		}
		text := strings.ToValidUTF8(y.text(cells, y.at[i]), "\uFFFD")
		v, err := value(f.Type, text)
		if err != nil {
			return nil, fmt.Errorf("column %q: %q is no %s: %w", f.Name, short(text), f.Type, errOurs)
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
