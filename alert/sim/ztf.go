package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/klauspost/compress/gzip"

	"github.com/skyfinch/skyfinch/alert"
)

const (
	ztfSide = 63   // pixels of a cutout
	ztfZero = 26.2 // magnitude of 1 DN
	ztfSky  = 150  // DN
)

// ztf makes ZTF's packets.
type ztf struct {
	head          []byte // of the container, up to the sync marker
	row           row    // candidate
	old           *record
	indices       []int // of old's fields in row
	distributions []distribution
	stamps        stamps
	noise         noise
	datum         []byte
	fits          header
	squeezed      bytes.Buffer
	gzip          *gzip.Writer
}

func newZTF(seed uint64) (*ztf, error) {
	z := &ztf{head: containerHead(ztfSchema()), row: newCandidate().row(), old: newPrevious(), noise: newNoise(seed)}
	for _, f := range z.old.fields {
		z.indices = append(z.indices, z.row.at[f.name])
	}
	z.distributions = z.row.plausible(ztfPlausible)
	z.stamps = newStamps(ztfSide, 1/nanojansky(ztfZero))
	var err error
	// Noise has no repetitions worth searching for.
	z.gzip, err = gzip.NewWriterLevel(&z.squeezed, gzip.HuffmanOnly)
	return z, err
}

func (z *ztf) packet(d detection, past []detection) (Packet, error) {
	jd := julian(d.mjd)
	us, err := alert.JDUTC.Micros(jd)
	if err != nil {
		return Packet{}, fmt.Errorf("sim: ztf: %w", err)
	}
	id, object := d.candid(), ztfName(d.object.number, d.mjd)
	b := z.datum[:0]
	b = appendText(b, "3.2") // as packets of schema 3.3 have it
	b = appendText(b, "ZTF (www.ztf.caltech.edu)")
	b = appendText(b, object)
	b = binary.AppendVarint(b, id)
	z.candidate(&d)
	z.coverage(&d, past)
	b = z.row.append(b)
	if b = append(b, unionBranch(len(past) > 0, false)); len(past) > 0 {
		b = binary.AppendVarint(b, int64(len(past)))
		for i := range past {
			z.candidate(&past[i])
			z.row.null("ssdistnr", "ssmagnr", "ssnamenr")
			b = z.row.project(b, z.old, z.indices)
		}
		b = append(b, 0)
	}
	if b, err = z.cutouts(b, &d, id); err != nil {
		return Packet{}, fmt.Errorf("sim: ztf: cutout: %w", err)
	}
	z.datum = b
	sync := binary.BigEndian.AppendUint64(nil, hash(d.seed, 10))
	sync = binary.BigEndian.AppendUint64(sync, hash(d.seed, 11))
	file, _ := container(z.head, sync, b)
	return Packet{Value: file, Time: micros(us), ID: id, Object: object}, nil
}

// candidate fills in the row with a detection or an upper limit.
func (z *ztf) candidate(d *detection) {
	r := z.row
	r.clear()
	jd := julian(d.mjd)
	r.num("jd", jd)
	r.whole("fid", int64(d.band+1))
	r.whole("pid", d.pid())
	r.num("diffmaglim", d.limit)
	r.text("pdiffimfilename", d.image(jd))
	r.text("programpi", "Kulkarni")
	r.whole("programid", 1)
	r.whole("nid", nid(jd))
	r.whole("rcid", int64(d.detector))
	r.whole("field", int64(d.field+200))
	r.text("rbversion", "t17_f5_c3")
	if d.seen {
		z.measurements(d)
	}
}

func (z *ztf) measurements(d *detection) {
	r, random := z.row, newRand(hash(d.seed, 12))
	r.fill(z.distributions, random)
	r.whole("candid", d.candid())
	r.text("isdiffpos", map[bool]string{true: "t", false: "f"}[d.flux > 0])
	r.whole("tblid", int64(d.n))
	x, y := 3072*d.x, 3080*d.y
	r.num("xpos", x)
	r.num("ypos", y)
	r.num("mindtoedge", min(x, y, 3072-x, 3080-y))
	r.num("ra", degrees(d.ra))
	r.num("dec", degrees(d.dec))
	mag, sigma := d.mag(), d.magError()
	ap := mag + sigma*random.NormFloat64()
	r.num("magpsf", mag)
	r.num("sigmapsf", sigma)
	r.num("magap", ap)
	r.num("magapbig", ap-0.1)
	r.num("magdiff", ap-mag)
	r.num("magfromlim", d.limit-ap)
	r.num("scorr", d.snr())
	r.num("rb", d.score)
	r.num("classtar", clamp(0.97-0.2*math.Abs(random.NormFloat64()), 0, 1))
	r.num("fwhm", d.seeing/1.01)
	r.num("seeratio", d.seeing/2.2)
	near := 15 * random.Float64()
	if d.class == variable {
		near = 0.5 * random.Float64()
		r.num("magnr", magnitude(d.base))
	}
	r.num("distnr", near)
	r.num("ranr", degrees(math.Mod(d.ra+near/3600/math.Cos(d.dec*deg), 360)))
	r.num("decnr", degrees(d.dec))
	r.num("ssdistnr", -999)
	r.num("ssmagnr", -999)
	r.text("ssnamenr", "null")
	if d.class == asteroid {
		r.num("ssdistnr", 2*random.Float64())
		r.num("ssmagnr", magnitude(nanojansky(d.object.mag)))
		r.text("ssnamenr", strconv.FormatUint(10_000+d.object.seed%600_000, 10))
	}
}

// coverage fills in the fields that only the alert itself has: how often its
// position was observed.
func (z *ztf) coverage(d *detection, past []detection) {
	r := z.row
	jd := julian(d.mjd)
	first, seen := jd, 1
	for i := range past {
		if past[i].seen {
			first, seen = min(first, julian(past[i].mjd)), seen+1
		}
	}
	r.whole("ndethist", int64(seen))
	r.whole("ncovhist", int64(len(past)+1))
	r.num("jdstarthist", first)
	r.num("jdendhist", jd)
	r.whole("nmtchps", 3)
	for i, name := range []string{"objectidps1", "objectidps2", "objectidps3"} {
		r.whole(name, 100_000_000_000_000_000+int64(hash(d.object.seed, uint64(i))%80_000_000_000_000_000))
	}
	r.whole("rfid", int64(d.field+200)*1_000_000+int64(d.band+1)*100_000+int64(d.detector))
	r.num("jdstartref", 2458153.7)
	r.num("jdendref", 2458350.9)
	for _, name := range []string{"magzpsci", "zpmed"} {
		r.num(name, ztfZero)
	}
	r.num("exptime", 30)
}

func (z *ztf) cutouts(b []byte, d *detection, id int64) ([]byte, error) {
	z.stamps.draw(d, z.noise, 1.01, ztfSky)
	name := "candid" + strconv.FormatInt(id, 10)
	pid := "_pid" + strconv.FormatInt(d.pid(), 10)
	for _, c := range []struct {
		name string
		m    *image
	}{
		{name + pid + "_targ_sci.fits.gz", z.stamps.science}, {name + "_ref.fits.gz", z.stamps.template},
		{name + pid + "_targ_scimref.fits.gz", z.stamps.difference},
	} {
		h := &z.fits
		h.b = h.b[:0]
		h.shape(false, -32, ztfSide, ztfSide)
		h.card("BUNIT", "'DN      '", "")
		h.end()
		h.floats(c.m.pixels)
		z.squeezed.Reset()
		z.gzip.Reset(&z.squeezed)
		if _, err := z.gzip.Write(h.b); err != nil {
			return nil, err
		}
		if err := z.gzip.Close(); err != nil {
			return nil, err
		}
		b = append(b, unionBranch(true, false))
		b = appendText(b, c.name)
		b = appendText(b, z.squeezed.Bytes())
	}
	return b, nil
}

// pid identifies an exposure's quadrant: night, fraction of the day in five
// digits, quadrant, and 15 for the kind of product.
func (d *detection) pid() int64 {
	jd := julian(d.mjd)
	_, fraction := math.Modf(jd - 0.5)
	return nid(jd)*1e9 + int64(fraction*1e5)*1e4 + int64(d.detector)*100 + 15
}

// candid identifies an alert: its pid, 10 for a negative difference or 15 for a
// positive one, and its number.
func (d *detection) candid() int64 {
	sign := int64(10_000)
	if d.flux > 0 {
		sign = 15_000
	}
	return d.pid()*1e6 + sign + int64(d.n)
}

// nid counts UTC dates from 2017-01-01.
func nid(jd float64) int64 { return int64(math.Floor(jd - 2457754.5)) }

func (d *detection) image(jd float64) string {
	_, fraction := math.Modf(jd - 0.5)
	t := timeOf(jd - 2400000.5)
	return fmt.Sprintf("ztf_%s%06d_%06d_z%c_c%02d_o_q%d_scimrefdiffimg.fits", t.Format("20060102"), int(fraction*1e6),
		d.field+200, "gri"[d.band], d.detector/4+1, d.detector%4+1)
}

// ztfName returns the name of an object in ZTF's style; numbers below 26⁷ have
// different names.
func ztfName(number uint64, mjd float64) string {
	const all, factor = 26 * 26 * 26 * 26 * 26 * 26 * 26, 2_999_999_929 // no common divisor
	b := []byte("ZTF18aaaaaaa")
	year := timeOf(mjd).Year() % 100
	year -= int(number/2) % 2 // some were found last year
	b[3], b[4] = byte('0'+year/10%10), byte('0'+year%10)
	n := number % all * factor % all
	for i := len(b) - 1; i > 4; i-- {
		b[i] = byte('a' + n%26)
		n /= 26
	}
	return string(b)
}

// julian returns a time as ZTF writes it: JD with seven decimals.
func julian(mjd float64) float64 { return math.Round((mjd+2400000.5)*1e7) / 1e7 }

// degrees rounds a coordinate as ZTF does.
func degrees(x float64) float64 { return math.Round(x*1e7) / 1e7 }
