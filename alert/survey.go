package alert

import (
	"errors"
	"fmt"
)

// Survey describes where a survey's packets have the values of the standard
// columns. To support another survey, add a value; it needs no code.
//
// A path names a field within its records, as in "candidate.jd". It is
// case-sensitive, and cannot lead into arrays or maps.
type Survey struct {
	// Name is the survey's table, alerts/NAME, and the value of its survey
	// column: lower-case letters, digits, '-' and '_'.
	Name string

	// Match are the paths that a packet's schema must all have to match this
	// survey. If empty, every packet matches. Match should not repeat the paths
	// below: a packet without a time should be rejected for that, not for an
	// unknown survey.
	Match []string

	// AlertID are the paths of the alert's integer id; the first that is not null
	// is used. An alert without an id is rejected.
	AlertID []string

	// ObjectID are the paths of the object's id, a string or an integer; the
	// first that is neither null nor 0 (Rubin's value for no object) is used.
	ObjectID []string

	// RA and Dec are the paths of the position in degrees, which is not checked.
	RA, Dec string

	// Time is the path of the event time, and Scale its time scale. An alert
	// without a valid time is rejected.
	Time  string
	Scale TimeScale

	// Night determines the observing night. If zero, it is the UTC date.
	Night NightRule

	// Known are the texts of the schemas that the survey has published, so that
	// columns have types wide enough for all of them from the start. It may be
	// empty.
	Known [][]byte
}

// Surveys returns the built-in surveys in the order for [Recognise], the most
// specific first. The caller owns the slice:
//
//	append(alert.Surveys(), mine)                    // matched last
//	append([]alert.Survey{mine}, alert.Surveys()...) // matched first, as for a variant of ZTF
func Surveys() []Survey {
	return []Survey{LSST(), Roman(), DECam(), WINTER(), ZTF()}
}

// Recognise returns the first survey whose Match paths are all in a packet's
// schema, and whether there is one. has reports whether the schema has a path.
func Recognise(surveys []Survey, has func(path string) bool) (Survey, bool) {
next:
	for i := range surveys {
		for _, path := range surveys[i].Match {
			if !has(path) {
				continue next
			}
		}
		return surveys[i], true
	}
	return Survey{}, false
}

// ZTF returns the Zwicky Transient Facility. Its nights are UTC dates, as in its
// nid and topic names: Palomar observes from about 2 to 14 hours UTC, so noon would
// divide its winter nights.
func ZTF() Survey {
	return Survey{
		Name:     "ztf",
		Match:    []string{"candidate"},
		AlertID:  []string{"candid"},
		ObjectID: []string{"objectId"},
		RA:       "candidate.ra",
		Dec:      "candidate.dec",
		Time:     "candidate.jd",
		Scale:    JDUTC,
	}
}

// WINTER returns the infrared survey of Palomar. Its packets are like ZTF's, with
// another spelling of objectid.
func WINTER() Survey {
	s := ZTF()
	s.Name = "winter"
	s.Match = []string{"candidate", "objectid"}
	s.ObjectID = []string{"objectid"}
	return s
}

// DECam returns the Dark Energy Camera's alert stream. Its packets are like
// ZTF's, with times in MJD.
func DECam() Survey {
	s := ZTF()
	s.Name = "decam"
	s.Match = []string{"candidate.mjd"}
	s.Time, s.Scale = "candidate.mjd", MJDUTC
	s.Night = NightRule{Noon: true}
	return s
}

// LSST returns Rubin's Legacy Survey of Space and Time. Its alerts of the Solar
// System have no diaObject.
func LSST() Survey {
	return Survey{
		Name:     "lsst",
		Match:    []string{"diaSource.midpointMjdTai"},
		AlertID:  []string{"diaSourceId", "diaSource.diaSourceId"},
		ObjectID: []string{"diaObject.diaObjectId", "ssSource.ssObjectId", "diaSource.ssObjectId"},
		RA:       "diaSource.ra",
		Dec:      "diaSource.dec",
		Time:     "diaSource.midpointMjdTai",
		Scale:    MJDTAI,
		Night:    NightRule{Noon: true, Visit: "diaSource.visit"},
	}
}

// Roman returns the Nancy Grace Roman Space Telescope's alert stream. Its packets
// are like LSST's, with times in UTC. Its nights are UTC dates, since there are
// none in orbit.
func Roman() Survey {
	return Survey{
		Name:     "roman",
		Match:    []string{"diaSource.midpointMjd"},
		AlertID:  []string{"diaSourceId"},
		ObjectID: []string{"diaObject.diaObjectId", "diaSource.diaObjectId"},
		RA:       "diaSource.ra",
		Dec:      "diaSource.dec",
		Time:     "diaSource.midpointMjd",
		Scale:    MJDUTC,
	}
}

// Validate returns an error if s lacks a name or a path without which all of its
// alerts would be rejected.
func (s *Survey) Validate() error {
	if !validName(s.Name) {
		return fmt.Errorf("alert: survey %q: a name is made of lower-case letters, digits, '-' and '_'", s.Name)
	}
	var missing error
	switch {
	case len(s.AlertID) == 0:
		missing = errors.New("no path in AlertID")
	case s.Time == "":
		missing = errors.New("no path in Time")
	case s.RA == "" || s.Dec == "":
		missing = errors.New("no path in RA or Dec")
	case !s.Scale.valid():
		missing = fmt.Errorf("invalid time scale %v", s.Scale)
	default:
		return nil
	}
	return fmt.Errorf("alert: survey %q: %w", s.Name, missing)
}

// validName reports whether a name is a single path element that is unique even
// where case is ignored, on some file systems and in SQL engines.
func validName(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_') {
			return false
		}
	}
	return name != ""
}
