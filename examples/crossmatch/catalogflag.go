package main

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/crossmatch"
	"github.com/skyfinch/skyfinch/crossmatch/cds"
)

// catalogFlag is what a -catalog says.
type catalogFlag struct {
	name, where string
	radius      angle // -1: not said
	columns     []string
	ra, dec     string
	pmra, pmdec string
	epoch       float64
	size        string // the column of the rows' own radii
	unit        angle  // of it
	moves       bool   // so says its index
}

var isName = regexp.MustCompile(`^[\pL_][\pL\pN_.-]*$`).MatchString

// parseCatalog reads NAME=WHERE?OPTION=VALUE&...
func parseCatalog(text string) (catalogFlag, error) {
	c := catalogFlag{where: text, radius: -1, unit: angle(crossmatch.Arcsecond)}
	if name, where, ok := strings.Cut(text, "="); ok && isName(name) {
		c.name, c.where = name, where
	}
	where, query, _ := strings.Cut(c.where, "?")
	c.where = where
	if c.where == "" {
		return c, errors.New("no catalogue: write NAME=FILE, or cds:simbad")
	}
	if c.name == "" {
		c.name = nameOf(c.where)
	}
	if query == "" {
		return c, nil
	}
	for option := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(option, "=")
		value, err := url.PathUnescape(value) // where + is itself
		if err == nil && value == "" {
			err = errors.New("it has no value")
		}
		if err == nil {
			err = c.set(key, value)
		}
		if err != nil {
			return c, fmt.Errorf("option %q: %w", option, err)
		}
	}
	return c, nil
}

func (c *catalogFlag) set(key, value string) (err error) {
	texts := map[string]*string{"ra": &c.ra, "dec": &c.dec, "pmra": &c.pmra, "pmdec": &c.pmdec}
	switch {
	case texts[key] != nil:
		*texts[key] = value
	case key == "radius":
		return c.radius.Set(value)
	case key == "columns":
		c.columns = strings.Split(value, ",")
	case key == "epoch":
		if c.epoch, err = parseNumber(value); err != nil || !(c.epoch > 1000 && c.epoch < 3000) {
			return errors.New("no Julian year: write 2016, for example")
		}
	case key == "size":
		column, unit, ok := cutLast(value, "*")
		if c.size = column; ok {
			return c.unit.Set(unit)
		}
	default:
		return errors.New("there is no such option: use radius, columns, ra, dec, pmra, pmdec, epoch or size")
	}
	return nil
}

func cutLast(text, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// nameOf makes a name of a file's: of dir/gcvs.fits.gz it is gcvs.
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

// remote tells whether the catalogue is one of the CDS.
func (c *catalogFlag) remote() bool { return strings.HasPrefix(c.where, "cds:") }

// wrong says what is wrong with the options together.
func (c *catalogFlag) wrong() string {
	for _, name := range c.columns {
		if name == "" {
			return "an empty name in columns"
		}
	}
	switch {
	case (c.ra == "") != (c.dec == ""):
		return "ra and dec go together"
	case (c.pmra == "") != (c.pmdec == "") || (c.pmra == "") != (c.epoch == 0):
		return "pmra, pmdec and epoch go together"
	case c.unit <= 0:
		return "size is a column, as in size=MajAx*0.5arcmin: its unit must not be 0"
	case !c.remote():
		return ""
	case c.ra+c.pmra+c.size != "":
		return "the CDS knows its tables: only radius and columns can be set"
	case crossmatch.Angle(c.radius) > cds.MaxRadius:
		return fmt.Sprintf("the CDS takes radii up to 180 arcseconds, and not %v: load the catalogue as a file, or give it a radius=", crossmatch.Angle(c.radius).Arcseconds())
	}
	if table := strings.TrimPrefix(c.where, "cds:"); table != "simbad" && (!strings.HasPrefix(table, "vizier:") || table == "vizier:") {
		return "write cds:simbad or, for example, cds:vizier:I/355/gaiadr3"
	}
	if _, err := c.fields(); err != nil {
		return err.Error()
	}
	return ""
}

var types = map[string]arrow.DataType{
	"text": arrow.BinaryTypes.String, "bool": arrow.FixedWidthTypes.Boolean,
	"int": arrow.PrimitiveTypes.Int32, "long": arrow.PrimitiveTypes.Int64,
	"float": arrow.PrimitiveTypes.Float32, "double": arrow.PrimitiveTypes.Float64,
}

// fields are the columns to fetch from the CDS.
func (c *catalogFlag) fields() ([]arrow.Field, error) {
	columns := c.columns
	if columns == nil && c.where == "cds:simbad" {
		columns = []string{"main_id", "otype"}
	}
	var out []arrow.Field
	for _, column := range columns {
		name, typ, ok := cutLast(column, ":")
		if !ok {
			typ = "text"
		}
		if types[typ] == nil || name == "" {
			return nil, fmt.Errorf("column %q: write NAME or NAME:TYPE, where the type is text, int, long, float, double or bool", column)
		}
		out = append(out, arrow.Field{Name: name, Type: types[typ], Nullable: true})
	}
	return out, nil
}

func parseNumber(text string) (float64, error) {
	return strconv.ParseFloat(strings.TrimSpace(text), 64)
}
