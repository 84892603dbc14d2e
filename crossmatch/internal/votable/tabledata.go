package votable

import (
	"fmt"
	"io"
)

// tableData reads the rows of TABLEDATA: TR and TD, and nothing else.
type tableData struct{ markup }

func (t *tableData) next(r *row) error {
	t.src.left = maxUnit
	tag, err := t.tag(nil)
	if err != nil {
		return err
	}
	if tag.end && tag.name == "TABLEDATA" {
		t.src.unread("</" + tag.raw + ">") // the decoder began it
		return io.EOF
	}
	if tag.name != "TR" || tag.end {
		return fmt.Errorf("<%.60s> where a row, <TR>, should be", tag.raw)
	}
	for !tag.empty {
		if tag, err = t.tag(nil); err != nil {
			return err
		}
		if tag.end && tag.name == "TR" {
			break
		}
		if tag.name != "TD" || tag.end {
			return fmt.Errorf("<%.60s> where a cell, <TD>, should be", tag.raw)
		}
		if err := t.cell(r, tag.empty); err != nil {
			return err
		}
		tag.empty = false // the cell is, not the row
	}
	if len(r.spans) != len(r.fields) {
		return fmt.Errorf("%d cells, but there are %d columns", len(r.spans), len(r.fields))
	}
	return nil
}

// cell reads a cell that began.
func (t *tableData) cell(r *row, empty bool) error {
	if len(r.spans) == len(r.fields) {
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
	if !r.wanted[len(r.spans)] {
		r.buf = r.buf[:from]
	}
	r.add(from, text, false)
	return nil
}
