package catalog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/crossmatch"
)

// origin is what an index was made of. It is the index's note.
type origin struct {
	Table    string    `json:"table"` // its path
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	Options  string    `json:"options,omitempty"`
}

// openIndex opens an index by its own name, unless its table has changed since.
func (s Spec) openIndex(o Options) (*crossmatch.Catalog, error) {
	c, err := crossmatch.OpenIndex(s.Where)
	if err != nil {
		return nil, err
	}
	if from, ok := parseOrigin(c.Note()); ok && from.changed() {
		c.Close()
		return nil, fmt.Errorf("%s is an index of %s as it was on %s, and that has changed since: name the table itself, with the directory of its index, which writes the index again", s.Where, from.Table, from.Modified.Format(time.DateTime))
	}
	o.note(s.Name, s.Where, c.Note())
	return c, nil
}

// openIndexed opens the index of a table. It is written first if there is none,
// or if it is damaged or was made of something else.
func (s Spec) openIndexed(ctx context.Context, o Options) (*crossmatch.Catalog, error) {
	name, err := s.indexName(o.IndexDir)
	if err != nil {
		return nil, err
	}
	from, err := s.origin() // before the table is read
	if err != nil {
		return nil, err
	}
	note := from.String()
	c, err := crossmatch.OpenIndex(name)
	if err == nil && note != "" && c.Note() == note {
		o.note(s.Name, name, note)
		return c, nil
	}
	if err == nil {
		err = c.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, crossmatch.ErrBadIndex) {
		return nil, err
	}
	loaded, err := s.load(ctx, o)
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	if err := os.MkdirAll(o.IndexDir, 0o755); err != nil {
		return nil, err
	}
	if err := loaded.WriteIndex(name, note); err != nil {
		return nil, err
	}
	o.note(s.Name, name, note)
	return crossmatch.OpenIndex(name) // other processes share its memory
}

// indexName returns where the index of a table is kept: a different one for each
// choice of options.
func (s Spec) indexName(dir string) (string, error) {
	path, err := filepath.Abs(s.Where)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %s", path, s.choice()))
	return filepath.Join(dir, fmt.Sprintf("%s-%x.skyidx", nameOf(s.Where), sum[:8])), nil
}

// origin returns the origin of an index of the table as it is now.
func (s Spec) origin() (o origin, err error) {
	info, err := os.Stat(s.Where)
	if err != nil {
		return o, err
	}
	o = origin{Bytes: info.Size(), Modified: info.ModTime().UTC(), Options: s.choice()}
	o.Table, err = filepath.Abs(s.Where)
	return o, err
}

// choice returns the options that an index depends on, as text.
func (s Spec) choice() string {
	var out []string
	add := func(key, value string) {
		if value != "" {
			out = append(out, key+"="+value)
		}
	}
	add("columns", strings.Join(s.Columns, ","))
	add("ra", s.RA)
	add("dec", s.Dec)
	add("pmra", s.PMRA)
	add("pmdec", s.PMDec)
	if s.Epoch != 0 {
		add("epoch", fmt.Sprint(s.Epoch))
	}
	if s.Size != "" {
		add("size", fmt.Sprintf("%s*%v", s.Size, cmp.Or(s.SizeUnit, crossmatch.Arcsecond)))
	}
	return strings.Join(out, "&")
}

// String returns the note, "" if JSON cannot hold the modification time.
func (o origin) String() string {
	b, err := json.Marshal(o)
	if err != nil {
		return ""
	}
	return string(b)
}

// parseOrigin parses a note, which another program may have written.
func parseOrigin(note string) (o origin, ok bool) {
	err := json.Unmarshal([]byte(note), &o)
	return o, err == nil && o.Table != ""
}

// changed reports whether the table exists and differs from the one that the
// index was made of. An index may be used without its table.
func (o origin) changed() bool {
	info, err := os.Stat(o.Table)
	return err == nil && (info.Size() != o.Bytes || !info.ModTime().Equal(o.Modified))
}

// note reports what an index was made of.
func (o Options) note(name, index, note string) {
	if o.Note == nil {
		return
	}
	text := fmt.Sprintf("%s: index %s", name, index)
	from, ok := parseOrigin(note)
	switch {
	case ok:
		text += fmt.Sprintf(", made of %s as of %s", from.Table, from.Modified.Format(time.DateTime))
		if from.Options != "" {
			text += " with " + from.Options
		}
	case note != "":
		text += ": " + note
	default:
		text += ", whose origin is unknown"
	}
	o.Note(printable(text))
}

// printable shortens text from a file, and replaces control characters.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
	const limit = 500
	for i := range text {
		if i > limit {
			return text[:i] + "..."
		}
	}
	return text
}
