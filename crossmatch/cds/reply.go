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
	"github.com/skyfinch/skyfinch/crossmatch/internal/clip"
	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

// errFields marks a whole reply that does not fit the client's fields: another
// attempt would get the same.
var errFields = errors.New("see Client.Fields")

// rounding is the largest error of a separation with six decimals.
const rounding = 0.5e-6 * crossmatch.Arcsecond

// reply collects the rows of a reply, which come in any order. It keeps the
// nearest row of each position; of equally near rows, the first.
type reply struct {
	r      *request
	fields []votable.Field
	// Numbers of the fields:
	distance int   // angDist
	row      int   // rowColumn
	at       []int // of r.fields
	hits     []hit
}

// read reads the reply to r and returns the result of each position. It returns
// none before the reply has ended: after the rows the service may report that it
// failed or left some out, and a truncated reply may lack rows.
func (r *request) read(from io.Reader) ([]hit, error) {
	y := &reply{r: r, hits: make([]hit, r.n)}
	err := y.read(from)
	var status *votable.StatusError
	var tooLong *http.MaxBytesError
	switch {
	case err == nil:
		return y.hits, nil
	case errors.As(err, &tooLong):
		return nil, fmt.Errorf("the reply is longer than the %d bytes that are allowed", tooLong.Limit)
	case errors.As(err, &status) && status.Status == "OVERFLOW":
		return nil, fmt.Errorf("the service left rows out because there are too many: reduce Client.Batch: %w", errFields)
	case status != nil:
		return nil, &Error{Code: http.StatusOK, Message: statusMessage(status)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the reply is truncated: %w", io.ErrUnexpectedEOF)
	}
	return nil, fmt.Errorf("the reply: %w", err)
}

func (y *reply) read(from io.Reader) error {
	v, err := votable.NewReader(from)
	if err != nil {
		return err
	}
	if v.Fields() == nil { // a reply without rows has a table too
		return errors.New("it has no table")
	}
	if err := y.findFields(v.Fields()); err != nil {
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
		if err := y.add(cells); err != nil {
			return err
		}
	}
}

// message returns the message of an error's VOTable, even if that is truncated.
// If the body is something else, message returns "".
func message(from io.Reader) string {
	v, err := votable.NewReader(from)
	for err == nil {
		_, err = v.Next()
	}
	var status *votable.StatusError
	if errors.As(err, &status) && status.Status == "ERROR" {
		return statusMessage(status)
	}
	return ""
}

// statusMessage returns the message of a status without the service's stack trace.
func statusMessage(status *votable.StatusError) string {
	text, _, _ := strings.Cut(status.Message, "Trace:")
	return clean(strings.TrimPrefix(strings.TrimSpace(text), "Message:"))
}

// clean returns text from the service in a form fit for errors and logs.
func clean(s string) string {
	return clip.Text(strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "?"), 300)
}

func (y *reply) findFields(all []votable.Field) error {
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
		return fmt.Errorf("it lacks angDist or %s", rowColumn)
	}
	if u := all[y.distance].Unit; u != "" && u != "arcsec" {
		return fmt.Errorf("it has angDist in %q instead of arcsec", u)
	}
	y.at = make([]int, len(y.r.fields))
	for i, f := range y.r.fields {
		if y.at[i] = find(f.Name); y.at[i] < 0 {
			return fmt.Errorf("the table has no column %q: %w", f.Name, errFields)
		}
	}
	return nil
}

// add adds a row.
func (y *reply) add(cells []votable.Cell) error {
	number := y.text(cells, y.row)
	row, err := strconv.Atoi(number)
	if err != nil || row < 0 || row >= y.r.n {
		return fmt.Errorf("it has row %q of %d that were sent", clean(number), y.r.n)
	}
	distance := y.text(cells, y.distance)
	d, err := strconv.ParseFloat(distance, 64)
	if err != nil || !(d >= 0) || math.IsInf(d, 0) {
		return fmt.Errorf("it has angDist %q", clean(distance))
	}
	separation := crossmatch.Angle(d) * crossmatch.Arcsecond
	if separation > max(y.r.radius, minRadius)+2*rounding {
		return fmt.Errorf("it has a separation of %v\", beyond the radius", d)
	}
	old := &y.hits[row]
	if separation > y.r.radius+rounding || old.match && old.separation <= separation {
		return nil
	}
	values, err := y.convert(cells)
	if err != nil {
		return err
	}
	// Rounding must not move a match beyond the radius that it was found within.
	*old = hit{match: true, separation: min(separation, y.r.radius), row: values}
	return nil
}

// text returns the text of a cell in any encoding, "" for null.
func (y *reply) text(cells []votable.Cell, i int) string {
	if cells[i].Null {
		return ""
	}
	if cells[i].Raw == nil {
		return string(cells[i].Text)
	}
	return string(y.fields[i].AppendText(nil, cells[i]))
}

// convert returns the values of the client's fields.
func (y *reply) convert(cells []votable.Cell) ([]any, error) {
	values := make([]any, len(y.at))
	for i, f := range y.r.fields {
		if cells[y.at[i]].Null {
			continue
		}
		text := strings.ToValidUTF8(y.text(cells, y.at[i]), "\uFFFD")
		v, err := parsers[f.Type.ID()](text)
		if err != nil {
			return nil, fmt.Errorf("column %q: %q is not a valid %s: %w", f.Name, clean(text), f.Type, errFields)
		}
		values[i] = v
	}
	return values, nil
}
