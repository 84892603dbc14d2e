// Package cdstest provides a stand-in for the X-Match service of the CDS. It serves
// a small table over the service's protocol, and can be made to fail as the service
// does.
package cdstest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Column is a column of the table.
type Column struct {
	Name     string
	Datatype string // of VOTable, such as char, int, double or boolean
}

// Row is a row of the table: a position in degrees, and a value of each column. An
// empty value is null.
type Row struct {
	RA, Dec float64
	Values  []string
}

// Server is an http.Handler that replies like the service. Its fields must be set
// before it is used.
type Server struct {
	Table   string // the name of the only table, such as "simbad"
	Columns []Column
	Rows    []Row
	// Encoding is the encoding of a VOTable's rows: TABLEDATA, BINARY or BINARY2.
	// If empty, TABLEDATA.
	Encoding string
	// Edit, if set, changes the rows of a reply: angDist, then cols1, then cols2.
	Edit func([][]string) [][]string
	// Fault, if set, returns the fault of a request, counted from 1, or nil if the
	// request succeeds.
	Fault func(request int) Fault

	requests, inFlight atomic.Int64
	mu                 sync.Mutex
	positions          []int // of each request
	maxInFlight        int64
	forms              []map[string]string
}

// Requests returns the number of requests.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Asked returns the number of positions in each request.
func (s *Server) Asked() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.positions)
}

// AtOnce returns the maximum number of simultaneous requests.
func (s *Server) AtOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.maxInFlight)
}

// Forms returns the parameters of each request, with the file as cat1.
func (s *Server) Forms() []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.forms)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	n := int(s.requests.Add(1))
	s.mu.Lock()
	s.maxInFlight = max(s.maxInFlight, now)
	s.mu.Unlock()

	q, err := readQuery(r)
	s.mu.Lock()
	s.positions = append(s.positions, len(q.positions))
	s.forms = append(s.forms, q.form)
	s.mu.Unlock()
	if err == nil {
		err = s.check(&q)
	}
	if err != nil {
		Refuse(http.StatusBadRequest, err.Error())(w, r, nil)
		return
	}
	reply := s.format(&q, s.match(&q))
	if s.Fault != nil {
		if fault := s.Fault(n); fault != nil {
			fault(w, r, reply)
			return
		}
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = w.Write(reply)
}

// query is a parsed request.
type query struct {
	form      map[string]string
	names     []string   // of the uploaded columns
	upload    [][]string // the uploaded rows
	radius    float64    // arcseconds
	cols1     []int
	cols2     []int
	positions []position
}

type position struct{ ra, dec float64 }

func readQuery(r *http.Request) (query, error) {
	q := query{form: make(map[string]string)}
	if err := r.ParseMultipartForm(100 << 20); err != nil {
		return q, fmt.Errorf("not a form: %w", err)
	}
	for name, values := range r.MultipartForm.Value {
		q.form[strings.ToLower(name)] = values[0]
	}
	file, _, err := r.FormFile("cat1")
	if err != nil {
		return q, fmt.Errorf("missing parameter \"cat1\"")
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return q, err
	}
	q.form["cat1"] = string(data)
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(all) == 0 {
		return q, fmt.Errorf("cat1 is not CSV: %v", err)
	}
	q.names, q.upload = all[0], all[1:]
	return q, q.readPositions()
}

func (q *query) readPositions() error {
	ra := slices.Index(q.names, q.form["colra1"])
	dec := slices.Index(q.names, q.form["coldec1"])
	if ra < 0 || dec < 0 {
		return fmt.Errorf("cat1 has no columns %q and %q", q.form["colra1"], q.form["coldec1"])
	}
	for _, row := range q.upload {
		x, err1 := strconv.ParseFloat(row[ra], 64)
		y, err2 := strconv.ParseFloat(row[dec], 64)
		if err1 != nil || err2 != nil || x < 0 || x >= 360 || math.Abs(y) > 90 {
			return fmt.Errorf("invalid position: %q", row)
		}
		q.positions = append(q.positions, position{x, y})
	}
	return nil
}

// check parses the rest of a query and returns the error that the service would.
func (s *Server) check(q *query) (err error) {
	for _, name := range []string{"request", "cat2", "distmaxarcsec", "responseformat"} {
		if q.form[name] == "" {
			return fmt.Errorf("missing parameter %s", name)
		}
	}
	if q.form["request"] != "xmatch" {
		return fmt.Errorf("request %q is not known", q.form["request"])
	}
	if q.form["cat2"] != s.Table {
		return fmt.Errorf("catalogue must be a URL or simbad or vizier:tabName, not %q", q.form["cat2"])
	}
	if q.radius, err = strconv.ParseFloat(q.form["distmaxarcsec"], 64); err != nil || q.radius <= 0 || q.radius > 180 {
		return fmt.Errorf("distMaxArcsec is %q", q.form["distmaxarcsec"])
	}
	if f := q.form["responseformat"]; f != "votable" {
		return fmt.Errorf("the format %q is not known here", f)
	}
	if q.cols1, err = choose(q.form, "cols1", q.names); err != nil {
		return err
	}
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = c.Name
	}
	q.cols2, err = choose(q.form, "cols2", names)
	return err
}

func choose(form map[string]string, parameter string, names []string) ([]int, error) {
	list, given := form[parameter]
	var chosen []int
	if !given {
		for i := range names {
			chosen = append(chosen, i)
		}
	}
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		i := slices.Index(names, name)
		if i < 0 {
			return nil, fmt.Errorf("unknown column %q in %s", name, parameter)
		}
		chosen = append(chosen, i)
	}
	return chosen, nil
}

// match returns rows of angDist, cols1 and cols2.
func (s *Server) match(q *query) [][]string {
	var out [][]string
	for i, p := range q.positions {
		nearest := math.Inf(1)
		first := len(out)
		for _, row := range s.Rows {
			d := separation(p, position{row.RA, row.Dec})
			if d > q.radius {
				continue
			}
			if q.form["selection"] == "best" {
				if d >= nearest {
					continue
				}
				nearest, out = d, out[:first]
			}
			line := []string{strconv.FormatFloat(d, 'f', 6, 64)}
			for _, c := range q.cols1 {
				line = append(line, q.upload[i][c])
			}
			for _, c := range q.cols2 {
				line = append(line, row.Values[c])
			}
			out = append(out, line)
		}
	}
	if s.Edit != nil {
		out = s.Edit(out)
	}
	return out
}

// separation returns a separation in arcseconds.
func separation(a, b position) float64 {
	const degree = math.Pi / 180
	x := math.Sin((b.dec - a.dec) * degree / 2)
	y := math.Sin(math.Remainder(b.ra-a.ra, 360) * degree / 2)
	h := x*x + math.Cos(a.dec*degree)*math.Cos(b.dec*degree)*y*y
	return 2 * math.Asin(math.Sqrt(min(1, h))) / degree * 3600
}

func (s *Server) format(q *query, rows [][]string) []byte {
	columns := []Column{{"angDist", "double"}}
	for _, c := range q.cols1 {
		columns = append(columns, Column{q.names[c], "int"})
	}
	for _, c := range q.cols2 {
		columns = append(columns, s.Columns[c])
	}
	return votable(s.Encoding, columns, rows)
}

func votable(encoding string, columns []Column, rows [][]string) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	b.WriteString("<RESOURCE type=\"results\">\n<INFO name=\"QUERY_STATUS\" value=\"OK\"></INFO>\n<TABLE>\n")
	for i, c := range columns {
		extra := ""
		if i == 0 {
			extra = ` unit="arcsec"`
		}
		if c.Datatype == "char" {
			extra += ` arraysize="*"`
		}
		fmt.Fprintf(&b, "<FIELD name=\"%s\" datatype=\"%s\"%s/>\n", html.EscapeString(c.Name), c.Datatype, extra)
	}
	b.WriteString("<DATA>")
	switch encoding {
	case "BINARY", "BINARY2":
		fmt.Fprintf(&b, "<%s><STREAM encoding=\"base64\">\n%s\n</STREAM></%s>", encoding, pack(encoding, columns, rows), encoding)
	default:
		b.WriteString("<TABLEDATA>\n")
		for _, row := range rows {
			b.WriteString("<TR>")
			for _, text := range row {
				b.WriteString("<TD>" + html.EscapeString(text) + "</TD>")
			}
			b.WriteString("</TR>\n")
		}
		b.WriteString("</TABLEDATA>")
	}
	b.WriteString("</DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n")
	return b.Bytes()
}

const head = `<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.2" xmlns="http://www.ivoa.net/xml/VOTable/v1.2">
<DESCRIPTION>A stand-in for the CDS X-Match service.</DESCRIPTION>
`
