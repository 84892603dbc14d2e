package sim

import (
	"slices"
	"strings"
)

// The fields of ZTF's packets, schema 3.3 of 2018, in their order.
var (
	ztfExposure = []columns{
		{"double", "jd"}, {"int", "fid"}, {"long", "pid"}, {"float?", "diffmaglim"},
		{"string?", "pdiffimfilename programpi"}, {"int", "programid"},
	}
	ztfDetector = []columns{
		{"long?", "tblid"}, {"int?", "nid rcid field"}, {"float?", "xpos ypos"},
	}
	ztfShape = []columns{
		{"float?", `chipsf magap sigmagap distnr magnr sigmagnr chinr sharpnr sky magdiff fwhm classtar
			mindtoedge magfromlim seeratio aimage bimage aimagerat bimagerat elong`},
		{"int?", "nneg nbad"},
		{"float?", "rb ssdistnr ssmagnr"}, {"string?", "ssnamenr"}, {"float?", "sumrat magapbig sigmagapbig"},
	}
	ztfReference = []columns{
		{"float?", "sgmag1 srmag1 simag1 szmag1 sgscore1 distpsnr1"},
		{"int", "ndethist ncovhist"}, {"double?", "jdstarthist jdendhist scorr"}, {"int?", "tooflag"},
		{"long?", "objectidps1 objectidps2"}, {"float?", "sgmag2 srmag2 simag2 szmag2 sgscore2 distpsnr2"},
		{"long?", "objectidps3"}, {"float?", "sgmag3 srmag3 simag3 szmag3 sgscore3 distpsnr3"},
		{"int", "nmtchps"}, {"long", "rfid"}, {"double", "jdstartref jdendref"}, {"int", "nframesref"},
		{"string", "rbversion"}, {"float?", "dsnrms ssnrms dsdiff magzpsci magzpsciunc magzpscirms"},
		{"int", "nmatches"}, {"float?", `clrcoeff clrcounc zpclrcov zpmed clrmed clrrms
			neargaia neargaiabright maggaia maggaiabright exptime`},
	}
)

// newCandidate returns the record of candidate.
func newCandidate() *record {
	return newRecord(false, slices.Concat(ztfExposure,
		[]columns{{"long", "candid"}, {"string", "isdiffpos"}}, ztfDetector,
		[]columns{{"double", "ra dec"}, {"float", "magpsf sigmapsf"}}, ztfShape,
		[]columns{{"double", "ranr decnr"}}, ztfReference))
}

// newPrevious returns the record of prv_candidates.
func newPrevious() *record {
	return newRecord(false, slices.Concat(ztfExposure,
		[]columns{{"long?", "candid"}, {"string?", "isdiffpos"}}, ztfDetector,
		[]columns{{"double?", "ra dec"}, {"float?", "magpsf sigmapsf"}}, ztfShape,
		[]columns{{"double?", "ranr decnr scorr"}, {"string", "rbversion"}}))
}

// ztfSchema returns the text of the schema.
func ztfSchema() string {
	const inner = `"namespace":"ztf.alert","version":"3.1"`
	var b strings.Builder
	b.WriteString(`{"type":"record","name":"alert","namespace":"ztf","version":"3.1","fields":[`)
	for _, name := range []string{"schemavsn", "publisher", "objectId"} {
		b.WriteString(`{"name":"` + name + `","type":"string"},`)
	}
	b.WriteString(`{"name":"candid","type":"long"},{"name":"candidate","type":`)
	b.WriteString(newCandidate().json(`"name":"candidate",` + inner))
	b.WriteString(`},{"name":"prv_candidates","type":[{"type":"array","items":`)
	b.WriteString(newPrevious().json(`"name":"prv_candidate",` + inner))
	b.WriteString(`},"null"]},{"name":"cutoutScience","type":[{"type":"record","name":"cutout",` + inner)
	b.WriteString(`,"fields":[{"name":"fileName","type":"string"},{"name":"stampData","type":"bytes"}]},"null"]}`)
	for _, name := range []string{"cutoutTemplate", "cutoutDifference"} {
		b.WriteString(`,{"name":"` + name + `","type":["ztf.alert.cutout","null"]}`)
	}
	b.WriteString("]}")
	return b.String()
}
