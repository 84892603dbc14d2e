package alert

import (
	"errors"
	"fmt"
)

// Survey says where a survey's packets keep what every archive asks for. It
// is data: a survey of one's own is one more value, and needs no code.
//
// A path names a field through the records around it, "candidate.jd". Case
// counts. Arrays and maps have no paths.
type Survey struct {
	// Name is the survey's table, alerts/NAME, and the value of its survey
	// column: lower-case letters, digits, '-' and '_'.
	Name string

	// Match are the paths a packet's schema must have, all of them, to be of
	// this survey. It should not ask for the fields below: a packet that
	// lacks its time is better rejected for that than for an unknown survey.
	// An empty Match takes every packet.
	Match []string

	// AlertID are the paths of the alert's integer id; the first that is not
	// null counts. An alert without an id is rejected.
	AlertID []string

	// ObjectID are the paths of the object's id, a string or an integer; the
	// first that is neither null nor 0, Rubin's "no object", counts.
	ObjectID []string

	// RA and Dec are the paths of the position in degrees, archived as it is.
	RA, Dec string

	// Time is the path of the event time, and Scale what it counts. An alert
	// without a sound time is rejected.
	Time  string
	Scale TimeScale

	// Night tells the observing night. Its zero value is the UTC date.
	Night NightRule

	// Known are the texts of the schemas the survey has published, so that
	// the table can begin with all their columns. It may be empty: a table
	// widens when a wider packet comes.
	Known [][]byte
}

// Surveys returns the surveys this package knows, the most particular first,
// as [Recognise] wants them. The slice is the caller's own:
//
//	append(alert.Surveys(), mine)                   // mine is none of these
//	append([]alert.Survey{mine}, alert.Surveys()...) // mine is a kind of ZTF
func Surveys() []Survey {
	return []Survey{LSST(), Roman(), DECam(), WINTER(), ZTF()}
}

// Recognise returns the first of the surveys whose Match fields a packet's
// schema all has, and whether there is one.
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

// ZTF is the Zwicky Transient Facility. Its nights are UTC dates, as its nid
// and its topic names count them: Palomar observes between about 2 and 14
// hours UTC, so that a date changed at noon would cut its winter nights.
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

// WINTER is the infrared survey of Palomar, whose packets follow ZTF's but for
// the spelling of objectid.
func WINTER() Survey {
	s := ZTF()
	s.Name = "winter"
	s.Match = []string{"candidate", "objectid"}
	s.ObjectID = []string{"objectid"}
	return s
}

// DECam is the Dark Energy Camera's alert stream, whose packets follow ZTF's
// but for times in MJD.
func DECam() Survey {
	s := ZTF()
	s.Name = "decam"
	s.Match = []string{"candidate.mjd"}
	s.Time, s.Scale = "candidate.mjd", MJDUTC
	s.Night = NightRule{Noon: true}
	return s
}

// LSST is Rubin's Legacy Survey of Space and Time. An alert of the Solar System
// has no diaObject.
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

// Roman is the Nancy Grace Roman Space Telescope's alert stream, whose packets
// follow LSST's but for times in UTC. In orbit there is no night: its nights
// are UTC dates.
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

// Validate returns an error that says what is missing in s. A survey without
// a path would reject every alert of a night one by one.
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
		missing = fmt.Errorf("no such time scale: %v", s.Scale)
	default:
		return nil
	}
	return fmt.Errorf("alert: survey %q: %w", s.Name, missing)
}

// validName keeps a survey's table inside the archive and apart from another
// survey's on file systems and SQL engines that ignore case.
func validName(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_') {
			return false
		}
	}
	return name != ""
}
