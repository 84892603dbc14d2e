// Package alerttest makes small alerts for tests and examples.
package alerttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hamba/avro/v2/ocf"
)

// Schema is the writer's schema of the alerts: the fields that the decoder and the
// archive need, a light curve and a cutout.
const Schema = `{"type":"record","name":"alert","namespace":"ztf","fields":[
	{"name":"objectId","type":"string"},
	{"name":"candid","type":"long"},
	{"name":"candidate","type":{"type":"record","name":"candidate","fields":[
		{"name":"jd","type":"double"},
		{"name":"ra","type":"double"},
		{"name":"dec","type":"double"},
		{"name":"magpsf","type":["null","float"]}]}},
	{"name":"prv_candidates","type":["null",{"type":"array","items":"candidate"}]},
	{"name":"cutoutScience","type":["null","bytes"]}]}`

type packet struct {
	ObjectID  string      `avro:"objectId"`
	Candid    int64       `avro:"candid"`
	Candidate candidate   `avro:"candidate"`
	History   []candidate `avro:"prv_candidates"`
	Cutout    []byte      `avro:"cutoutScience"`
}

type candidate struct {
	JD     float64  `avro:"jd"`
	RA     float64  `avro:"ra"`
	Dec    float64  `avro:"dec"`
	MagPSF *float32 `avro:"magpsf"`
}

// ZTF returns alert n as ZTF sends it: a container file with one record. Its time
// is hour hours after 2018-11-29 06:00 UTC.
func ZTF(n int64, hour float64) ([]byte, error) {
	mag := 15 + float32(n%60)/10
	c := candidate{JD: 2458451.75 + hour/24, RA: float64(n%3600) / 10, Dec: float64(n%180) - 90, MagPSF: &mag}
	p := packet{
		ObjectID: fmt.Sprintf("ZTF18a%06d", n%1_000_000), Candid: 697251920_000000000 + n,
		Candidate: c, History: []candidate{c, c}, Cutout: bytes.Repeat([]byte{0x1f, 0x8b, byte(n), byte(n >> 8)}, 300),
	}
	var buf bytes.Buffer
	w, err := ocf.NewEncoder(Schema, &buf)
	if err != nil {
		return nil, err
	}
	if err := w.Encode(p); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// WriteZTF writes n alerts, spread over hours, as files in a directory.
func WriteZTF(dir string, n int, hours int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i := range n {
		data, err := ZTF(int64(i), float64(i%hours)+0.5)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.avro", i)), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}
