package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
	"github.com/skyfinch/skyfinch/internal/nearest"
)

// Spec says which catalogue to open, and how. Fill in Where at least, or parse
// one with Parse; the package's documentation explains the fields.
type Spec struct {
	Name, Where string
	Radius      crossmatch.Angle // if zero and HasRadius is not set, DefaultRadius
	HasRadius   bool
	Columns     []string // if nil, all

	RA, Dec     string
	PMRA, PMDec string
	Epoch       float64

	Size     string           // the column of the rows' own radii
	SizeUnit crossmatch.Angle // the unit of Size; if zero, 1 arcsecond
}

var isName = regexp.MustCompile(`^[\pL_][\pL\pN_.-]*$`).MatchString

// Parse parses NAME=WHERE?OPTION=VALUE&… and checks that the options fit
// together. It does not open the catalogue.
func Parse(text string) (Spec, error) {
	s := Spec{Where: text}
	if name, where, ok := strings.Cut(text, "="); ok && isName(name) {
		s.Name, s.Where = name, where
	}
	where, query, _ := strings.Cut(s.Where, "?")
	s.Where = where
	if s.Where == "" {
		return s, errors.New("not a catalogue: write NAME=FILE, or cds:simbad")
	}
	if s.Name == "" {
		s.Name = nameOf(s.Where)
	}
	if query != "" {
		for option := range strings.SplitSeq(query, "&") {
			key, value, _ := strings.Cut(option, "=")
			value, err := url.PathUnescape(value) // in which + is a plus
			if err == nil && value == "" {
				err = errors.New("it has no value")
			}
			if err == nil {
				err = s.set(key, value)
			}
			if err != nil {
				return s, fmt.Errorf("option %q: %w", option, err)
			}
		}
	}
	if err := s.Check(); err != nil {
		return s, fmt.Errorf("%s: %w", s.Where, err)
	}
	return s, nil
}

var optionNames = []string{"radius", "columns", "ra", "dec", "pmra", "pmdec", "epoch", "size"}

func (s *Spec) set(key, value string) (err error) {
	switch key {
	case "ra":
		s.RA = value
	case "dec":
		s.Dec = value
	case "pmra":
		s.PMRA = value
	case "pmdec":
		s.PMDec = value
	case "radius":
		s.HasRadius = true
		s.Radius, err = crossmatch.ParseAngle(value)
	case "columns":
		s.Columns = strings.Split(value, ",")
	case "epoch":
		if s.Epoch, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil || !(s.Epoch > 1000 && s.Epoch < 3000) {
			err = errors.New("not a Julian year: write 2016, for example")
		}
	case "size":
		column, unit, ok := cutLast(value, "*")
		if s.Size = column; ok {
			if s.SizeUnit, err = crossmatch.ParseAngle(unit); err == nil && s.SizeUnit == 0 {
				err = errors.New("its unit must not be 0: write size=MajAx*0.5arcmin, for example")
			}
		}
	default:
		err = fmt.Errorf("unknown option%s: use %s", nearest.Hint(key, optionNames), strings.Join(optionNames, ", "))
	}
	return err
}

// cutLast cuts text around the last separator.
func cutLast(text, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// nameOf returns the default name: of dir/gcvs.fits.gz it is gcvs.
func nameOf(where string) string {
	if table, ok := strings.CutPrefix(where, "cds:"); ok {
		where = table[strings.LastIndexAny(table, ":/")+1:]
	}
	base, _, _ := strings.Cut(strings.TrimLeft(filepath.Base(where), "."), ".")
	base = strings.Map(func(r rune) rune {
		if isName("_" + string(r)) {
			return r
		}
		return '_'
	}, base)
	if base == "" || !isName(base) {
		return "_" + base
	}
	return base
}

// Remote reports whether the catalogue is at the CDS.
func (s Spec) Remote() bool { return strings.HasPrefix(s.Where, "cds:") }

// Check returns an error if the options do not fit together. It does not open the
// catalogue.
func (s Spec) Check() error {
	switch {
	case slices.Contains(s.Columns, ""):
		return errors.New("an empty name in columns")
	case (s.RA == "") != (s.Dec == ""):
		return errors.New("ra and dec go together")
	case (s.PMRA == "") != (s.PMDec == "") || (s.PMRA == "") != (s.Epoch == 0):
		return errors.New("pmra, pmdec and epoch go together")
	case !s.Remote():
		return nil
	case s.RA+s.PMRA+s.Size != "":
		return errors.New("the CDS knows its tables: only radius and columns can be set")
	case s.Radius > cds.MaxRadius:
		return fmt.Errorf("the CDS accepts radii up to 180 arcseconds, not %v: load the catalogue as a file, or give it a radius=", s.Radius.Arcseconds())
	}
	if table := strings.TrimPrefix(s.Where, "cds:"); table != "simbad" && (!strings.HasPrefix(table, "vizier:") || table == "vizier:") {
		return errors.New("write cds:simbad or, for example, cds:vizier:I/355/gaiadr3")
	}
	_, err := s.fields()
	return err
}

var fieldTypes = map[string]arrow.DataType{
	"text": arrow.BinaryTypes.String, "bool": arrow.FixedWidthTypes.Boolean,
	"int": arrow.PrimitiveTypes.Int32, "long": arrow.PrimitiveTypes.Int64,
	"float": arrow.PrimitiveTypes.Float32, "double": arrow.PrimitiveTypes.Float64,
}

// fields returns the columns to fetch from the CDS.
func (s Spec) fields() (out []arrow.Field, err error) {
	columns := s.Columns
	if columns == nil && s.Where == "cds:simbad" {
		columns = []string{"main_id", "otype"}
	}
	for _, column := range columns {
		name, typ, ok := cutLast(column, ":")
		if !ok {
			typ = "text"
		}
		if fieldTypes[typ] == nil || name == "" {
			return nil, fmt.Errorf("column %q: write NAME or NAME:TYPE, where TYPE is text, int, long, float, double or bool", column)
		}
		out = append(out, arrow.Field{Name: name, Type: fieldTypes[typ], Nullable: true})
	}
	return out, nil
}
