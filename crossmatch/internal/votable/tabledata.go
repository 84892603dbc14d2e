package votable

import (
	"fmt"
	"io"
)

// tableData reads the rows of TABLEDATA, which has TR and TD alone.
type tableData struct{ markup }

func (t *tableData) next(r *row) error {
	t.src.left = maxBuffer
	tag, err := t.tag(nil)
	if err != nil {
		return err
	}
	if tag.end && tag.name == "TABLEDATA" {
		t.src.unread("</" + tag.raw + ">") // for the decoder, which read the start tag
		return io.EOF
	}
	if tag.name != "TR" || tag.end {
		return fmt.Errorf("<%.60s> instead of a row, <TR>", tag.raw)
	}
	for !tag.empty {
		if tag, err = t.tag(nil); err != nil {
			return err
		}
		if tag.end && tag.name == "TR" {
			break
		}
		if tag.name != "TD" || tag.end {
			return fmt.Errorf("<%.60s> instead of a cell, <TD>", tag.raw)
		}
		if err := t.cell(r, tag.empty); err != nil {
			return err
		}
		tag.empty = false // of the cell, not the row
	}
	if len(r.bounds) != len(r.fields) {
		return fmt.Errorf("%d cells, but there are %d columns", len(r.bounds), len(r.fields))
	}
	return nil
}

// cell reads a cell after its start tag.
func (t *tableData) cell(r *row, empty bool) error {
	if len(r.bounds) == len(r.fields) {
		return fmt.Errorf("more cells than the %d columns", len(r.fields))
	}
	from := len(r.buf)
	if !empty {
		tag, err := t.tag(&r.buf)
		if err != nil {
			return err
		}
		if tag.name != "TD" || !tag.end {
			return fmt.Errorf("<%.60s> inside a cell", tag.raw)
		}
	}
	if !r.wanted[len(r.bounds)] {
		r.buf = r.buf[:from]
	}
	r.add(from, text, false)
	return nil
}
