package lightcurve

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/skyfinch/skyfinch/alert/lightcurve"
)

// colours are those that Rubin recommends for its bands (RTN-045).
var colours = map[string]string{"u": "#0c71ff", "g": "#49be61", "r": "#c61c00", "i": "#ffc200", "z": "#f341a2", "y": "#5d0000"}

// The size of a picture, and of its margins.
const (
	width, height           = 800.0, 480.0
	left, right, top, below = 80.0, 20.0, 44.0, 56.0
)

// axis maps values to places.
type axis struct {
	from, to float64 // values at the ends
	a, b     float64 // their places
}

func (x axis) at(v float64) float64 { return x.a + (v-x.from)/(x.to-x.from)*(x.b-x.a) }

// newAxis returns an axis with a little room at both ends.
func newAxis(least, most, a, b float64) axis {
	room := 0.05 * (most - least)
	if room == 0 {
		room = 0.5
	}
	return axis{least - room, most + room, a, b}
}

// ticks returns about n round values within the axis.
func (x axis) ticks(n int) (out []float64, digits int) {
	span := math.Abs(x.to - x.from)
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, k := range []float64{1, 2, 5, 10} {
		if span/(k*step) <= float64(n) {
			step *= k
			break
		}
	}
	low := math.Min(x.from, x.to)
	for i := math.Ceil(low / step); i*step <= low+span; i++ {
		out = append(out, i*step+0) // + 0: no −0
	}
	return out, max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
}

// writeSVG draws the curve: magnitudes of the difference upside down, or fluxes.
func (c *curve) writeSVG(w io.Writer) error {
	var t, v []float64
	for _, p := range c.points {
		t = append(t, p.Time)
		e := p.Error
		if math.IsNaN(e) {
			e = 0
		}
		v = append(v, p.Value-e, p.Value+e)
	}
	if len(t) == 0 {
		t, v = []float64{0}, []float64{0}
	}
	first := math.Floor(least(t))
	x := newAxis(least(t)-first, most(t)-first, left, width-right)
	y := newAxis(least(v), most(v), height-below, top)
	label, timeLabel := "flux of the difference (nJy)", fmt.Sprintf("MJD − %.0f (days, TAI)", first)
	if !c.lsst {
		y.from, y.to = y.to, y.from
		label, timeLabel = "magnitude of the difference", fmt.Sprintf("JD − %.0f (days)", first)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="14">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>Light curve of %s</title>\n", html.EscapeString(c.object))
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%g" y="26" font-size="16">%s</text>`+"\n", left, html.EscapeString(c.object))
	line := func(x1, y1, x2, y2 float64, colour string) {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fL%.1f %.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
	}
	values, digits := x.ticks(8)
	for _, v := range values {
		line(x.at(v), height-below, x.at(v), height-below+6, "black")
		fmt.Fprintf(&b, `<text x="%.1f" y="%g" text-anchor="middle">%s</text>`+"\n", x.at(v), height-below+22, strconv.FormatFloat(v, 'f', digits, 64))
	}
	values, digits = y.ticks(7)
	for _, v := range values {
		line(left-6, y.at(v), left, y.at(v), "black")
		fmt.Fprintf(&b, `<text x="%g" y="%.1f" text-anchor="end">%s</text>`+"\n", left-10, y.at(v)+5, strconv.FormatFloat(v, 'f', digits, 64))
	}
	fmt.Fprintf(&b, `<rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="black"/>`+"\n", left, top, width-left-right, height-top-below)
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle">%s</text>`+"\n", (left+width-right)/2, height-14, timeLabel)
	fmt.Fprintf(&b, `<text transform="translate(20 %g) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+height-below)/2, label)
	shown := map[string]bool{}
	for _, p := range c.points {
		colour := colours[p.Band]
		shown[p.Band] = true
		px, py := x.at(p.Time-first), y.at(p.Value)
		switch p.Kind {
		case lightcurve.UpperLimit:
			fmt.Fprintf(&b, `<path d="M%.1f %.1fh8l-4 7z" fill="none" stroke="%s" stroke-opacity="0.6"/>`+"\n", px-4, py, colour)
		default:
			if !math.IsNaN(p.Error) {
				line(px, y.at(p.Value-p.Error), px, y.at(p.Value+p.Error), colour)
			}
			fill := colour
			if p.Kind == lightcurve.BadQuality {
				fill = "white"
			}
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s" stroke="%s"/>`+"\n", px, py, fill, colour)
		}
	}
	at := width - right
	for _, band := range []string{"y", "z", "i", "r", "g", "u"} {
		if shown[band] {
			at -= 36
			fmt.Fprintf(&b, `<circle cx="%g" cy="22" r="3.5" fill="%s"/><text x="%g" y="27">%s</text>`+"\n", at, colours[band], at+8, band)
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func least(v []float64) float64 {
	m := math.Inf(1)
	for _, x := range v {
		m = math.Min(m, x)
	}
	return m
}

func most(v []float64) float64 {
	m := math.Inf(-1)
	for _, x := range v {
		m = math.Max(m, x)
	}
	return m
}
