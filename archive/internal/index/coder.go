package index

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// coder appends values to b, or reads them from it.
type coder struct {
	b       []byte
	reading bool
	err     error
	last    string           // the last text, of which the next one may share a prefix
	names   map[string]int64 // by name, its place in list + 1
	list    []string
	texts   strings.Builder // holds the texts that were read
}

var errCut = errors.New("it is cut short")

func (c *coder) num(v *int64) {
	if !c.reading {
		c.b = binary.AppendVarint(c.b, *v)
		return
	}
	n, size := binary.Varint(c.b)
	if size <= 0 {
		c.err, c.b = errCut, nil
		return
	}
	*v, c.b = n, c.b[size:]
}

// next codes a number that is close to the one before it in its column.
func (c *coder) next(v, before *int64) {
	d := *v - *before
	c.num(&d)
	*v = *before + d
	*before = *v
}

// count codes the length of a list, whose elements take a byte each at least.
func (c *coder) count(n int) int {
	v := int64(n)
	if c.num(&v); c.reading && (v < 0 || v > int64(len(c.b))) {
		c.err, c.b = errCut, nil
		return 0
	}
	return int(v)
}

func (c *coder) bytes(v *[]byte) {
	n := c.count(len(*v))
	if !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	*v, c.b = c.b[:n:n], c.b[n:]
}

// maxText is the greatest length of a text. It bounds what texts that share prefixes
// can take in memory.
const maxText = 4096

// text codes a string that resembles the one before it.
func (c *coder) text(v *string) {
	same := 0
	for !c.reading && same < min(len(c.last), len(*v)) && c.last[same] == (*v)[same] {
		same++
	}
	shared := int64(same)
	c.num(&shared)
	if !c.reading {
		rest := []byte((*v)[same:])
		c.bytes(&rest)
		c.last = *v
		return
	}
	var rest []byte
	c.bytes(&rest)
	if shared < 0 || shared > int64(len(c.last)) || int(shared)+len(rest) > maxText {
		c.err, c.b = errCut, nil
		return
	}
	if c.texts.Cap()-c.texts.Len() < maxText { // each keeps 64 KiB alive at most
		c.texts = strings.Builder{}
		c.texts.Grow(1 << 16)
	}
	from := c.texts.Len()
	c.texts.WriteString(c.last[:shared])
	c.texts.Write(rest)
	c.last = c.texts.String()[from:]
	*v = c.last
}

// name codes a string that occurs often.
func (c *coder) name(v *string) {
	var n int64
	if !c.reading {
		n = c.names[*v]
	}
	c.num(&n)
	switch {
	case n == 0:
		text := []byte(*v)
		c.bytes(&text)
		*v = string(text)
		if c.names == nil {
			c.names = map[string]int64{}
		}
		c.list = append(c.list, *v)
		c.names[*v] = int64(len(c.list))
	case !c.reading:
	case n < 0 || n > int64(len(c.list)):
		c.err, c.b = errCut, nil
	default:
		*v = c.list[n-1]
	}
}

// time codes a time, of which the zone is not kept.
func (c *coder) time(v *time.Time) {
	var second int64
	c.nextTime(v, &second)
}

// nextTime codes a time that is close to the one before it in its column.
func (c *coder) nextTime(v *time.Time, second *int64) {
	seconds, nanos := v.Unix(), int64(v.Nanosecond())
	c.next(&seconds, second)
	c.num(&nanos)
	if c.reading {
		if *v = time.Unix(seconds, nanos).UTC(); v.IsZero() {
			*v = time.Time{}
		}
	}
}

func (c *coder) flag(v *bool) {
	n := int64(0)
	if *v {
		n = 1
	}
	c.num(&n)
	*v = n != 0
}

func codeList[T any](c *coder, list *[]T, each func(*T)) {
	n := c.count(len(*list))
	if c.reading && n > 0 {
		*list = make([]T, 0, min(n, 1<<12))
	}
	for i := range n {
		if c.err != nil {
			return
		}
		if c.reading {
			var zero T
			*list = append(*list, zero)
		}
		each(&(*list)[i])
	}
}

func (c *coder) runs(runs *[]Run) {
	codeList(c, runs, func(r *Run) {
		c.num(&r.First)
		c.num(&r.Rows)
	})
}
