package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// origin is what an index was made of. It is the index's note.
type origin struct {
	Table    string    `json:"table"` // its path
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Options  string    `json:"options,omitempty"`
}

// origin is of the table as it is now.
func (c *catalogFlag) origin() (o origin, err error) {
	info, err := os.Stat(c.where)
	if err != nil {
		return o, err
	}
	o = origin{Bytes: info.Size(), Modified: info.ModTime().UTC(), Options: c.choice()}
	o.Table, err = filepath.Abs(c.where)
	return o, err
}

// choice is what the options make of the table, as they are written.
func (c *catalogFlag) choice() string {
	var out []string
	add := func(key, value string) {
		if value != "" {
			out = append(out, key+"="+value)
		}
	}
	if c.columns != nil {
		add("columns", strings.Join(c.columns, ","))
	}
	add("ra", c.ra)
	add("dec", c.dec)
	add("pmra", c.pmra)
	add("pmdec", c.pmdec)
	if c.epoch != 0 {
		add("epoch", fmt.Sprint(c.epoch))
	}
	if c.size != "" {
		add("size", fmt.Sprintf("%s*%s", c.size, &c.unit))
	}
	return strings.Join(out, "&")
}

// String is the note.
func (o origin) String() string {
	b, err := json.Marshal(o)
	if err != nil { // of a year that JSON has not
		return ""
	}
	return string(b)
}

// parseOrigin reads a note, which may be of somebody else.
func parseOrigin(note string) (o origin, ok bool) {
	err := json.Unmarshal([]byte(note), &o)
	return o, err == nil && o.Table != ""
}

// changed tells whether the table is there, and is another one now. An index may
// be used where its table is not.
func (o origin) changed() bool {
	info, err := os.Stat(o.Table)
	return err == nil && (info.Size() != o.Bytes || !info.ModTime().Equal(o.Modified))
}

// moves tells whether the table's rows do.
func (o origin) moves() bool {
	return slices.ContainsFunc(strings.Split(o.Options, "&"), func(s string) bool { return strings.HasPrefix(s, "pmra=") })
}

// describe tells what an index was made of.
func describe(name, index, note string) string {
	text := fmt.Sprintf("%s: index %s", name, index)
	o, ok := parseOrigin(note)
	switch {
	case ok:
		text += fmt.Sprintf(", made of %s as of %s", o.Table, o.Modified.Format(time.DateTime))
		if o.Options != "" {
			text += " with " + o.Options
		}
	case note != "":
		text += ": " + note
	default:
		text += ", which does not say what it was made of"
	}
	return shown(text)
}

// shown is a text of others as a line on a terminal.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
	const most = 500
	for i := range text {
		if i > most {
			return text[:i] + "..."
		}
	}
	return text
}
