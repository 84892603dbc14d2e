package sim

import "strings"

// lsstID is the id of schema 9.0 in Rubin's registry.
const lsstID = 900

// The fields of Rubin's packets, schema 9.0, in their order.
var (
	lsstSource = []columns{
		{"long", "diaSourceId visit"}, {"int", "detector"}, {"long?", "diaObjectId ssObjectId parentDiaSourceId"},
		{"double", "midpointMjdTai ra"}, {"float?", "raErr"}, {"double", "dec"}, {"float?", "decErr ra_dec_Cov"},
		{"float", "x"}, {"float?", "xErr"}, {"float", "y"}, {"float?", "yErr"}, {"boolean?", "centroid_flag"},
		{"float?", "apFlux apFluxErr"}, {"boolean?", "apFlux_flag apFlux_flag_apertureTruncated isNegative"},
		{"float?", "snr psfFlux psfFluxErr psfLnL psfChi2"}, {"int?", "psfNdata"},
		{"boolean?", "psfFlux_flag psfFlux_flag_edge psfFlux_flag_noGoodPixels"},
		{"float?", "trailFlux trailFluxErr"}, {"double?", "trailRa"}, {"float?", "trailRaErr"},
		{"double?", "trailDec"},
		{"float?", "trailDecErr trailLength trailLengthErr trailAngle trailAngleErr trailChi2"},
		{"int?", "trailNdata"}, {"boolean?", "trail_flag_edge"},
		{"float?", `dipoleMeanFlux dipoleMeanFluxErr dipoleFluxDiff dipoleFluxDiffErr dipoleLength
			dipoleAngle dipoleChi2`}, {"int?", "dipoleNdata"},
		{"float?", "scienceFlux scienceFluxErr"},
		{"boolean?", "forced_PsfFlux_flag forced_PsfFlux_flag_edge forced_PsfFlux_flag_noGoodPixels"},
		{"float?", "templateFlux templateFluxErr ixx iyy ixy ixxPSF iyyPSF ixyPSF"},
		{"boolean?", "shape_flag shape_flag_no_pixels shape_flag_not_contained shape_flag_parent_source"},
		{"float?", "extendedness reliability"}, {"string?", "band"}, {"boolean?", "isDipole dipoleFitAttempted"},
		{"double", "timeProcessedMjdTai"}, {"double?", "timeWithdrawnMjdTai"}, {"int?", "bboxSize"},
		{"boolean?", `pixelFlags pixelFlags_bad pixelFlags_cr pixelFlags_crCenter pixelFlags_edge
			pixelFlags_nodata pixelFlags_nodataCenter pixelFlags_interpolated pixelFlags_interpolatedCenter
			pixelFlags_offimage pixelFlags_saturated pixelFlags_saturatedCenter pixelFlags_suspect
			pixelFlags_suspectCenter pixelFlags_streak pixelFlags_streakCenter pixelFlags_injected
			pixelFlags_injectedCenter pixelFlags_injected_template pixelFlags_injected_templateCenter
			glint_trail`},
	}
	lsstForced = []columns{
		{"long", "diaForcedSourceId diaObjectId"}, {"double", "ra dec"}, {"long", "visit"}, {"int", "detector"},
		{"float?", "psfFlux psfFluxErr"}, {"double", "midpointMjdTai"}, {"float?", "scienceFlux scienceFluxErr"},
		{"string?", "band"}, {"double", "timeProcessedMjdTai"}, {"double?", "timeWithdrawnMjdTai"},
	}
	lsstSSSource = []columns{
		{"long?", "ssObjectId diaSourceId"},
		{"double?", "eclipticLambda eclipticBeta galacticL galacticB"},
		{"float?", "phaseAngle heliocentricDist topocentricDist predictedVMagnitude"},
		{"double?", "residualRa residualDec"},
		{"float?", `heliocentricX heliocentricY heliocentricZ heliocentricVX heliocentricVY heliocentricVZ
			topocentricX topocentricY topocentricZ topocentricVX topocentricVY topocentricVZ`},
	}
	lsstOrbit = []columns{
		{"string?", "mpcDesignation"}, {"long?", "ssObjectId"}, {"float?", "mpcH"},
		{"double?", "epoch M peri node incl e a q t_p"},
	}
)

var lsstBands = [...]string{"u", "g", "r", "i", "z", "y"}

// lsstObject returns the table of diaObject, which has most fields once per band.
func lsstObject() []columns {
	all := []columns{
		{"long", "diaObjectId"}, {"double", "validityStartMjdTai ra"}, {"float?", "raErr"}, {"double", "dec"},
		{"float?", "decErr ra_dec_Cov"},
	}
	for _, b := range lsstBands {
		all = append(all, columns{"float?", b + "_psfFluxMean " + b + "_psfFluxMeanErr " + b + "_psfFluxSigma"},
			columns{"int?", b + "_psfFluxNdata"}, columns{"float?", b + "_fpFluxMean " + b + "_fpFluxMeanErr"})
	}
	for _, b := range lsstBands {
		all = append(all, columns{"float?", b + "_scienceFluxMean " + b + "_scienceFluxMeanErr"})
	}
	for _, b := range lsstBands {
		all = append(all, columns{"float?", b + "_psfFluxMin " + b + "_psfFluxMax " + b + "_psfFluxMaxSlope " + b + "_psfFluxErrMean"})
	}
	return append(all, columns{"double?", "firstDiaSourceMjdTai lastDiaSourceMjdTai"}, columns{"int", "nDiaSources"})
}

// lsstSchema returns the text of the schema.
func lsstSchema() string {
	head := func(name string) string { return `"name":"` + name + `","namespace":"lsst.v9_0"` }
	part := func(name string, table []columns) string { return newRecord(true, table).json(head(name)) }
	var b strings.Builder
	add := func(name, typ string) {
		b.WriteString(`,{"name":"` + name + `","type":["null",` + typ + `],"default":null}`)
	}
	b.WriteString(`{"type":"record",` + head("alert") + `,"fields":[{"name":"diaSourceId","type":"long"}`)
	add("observation_reason", `"string"`)
	add("target_name", `"string"`)
	b.WriteString(`,{"name":"diaSource","type":` + part("diaSource", lsstSource) + `}`)
	add("prvDiaSources", `{"type":"array","items":"lsst.v9_0.diaSource"}`)
	add("prvDiaForcedSources", `{"type":"array","items":`+part("diaForcedSource", lsstForced)+`}`)
	add("diaObject", part("diaObject", lsstObject()))
	add("ssSource", part("ssSource", lsstSSSource))
	add("MPCORB", part("MPCORB", lsstOrbit))
	for _, name := range []string{"cutoutDifference", "cutoutScience", "cutoutTemplate"} {
		add(name, `"bytes"`)
	}
	b.WriteString("]}")
	return b.String()
}
