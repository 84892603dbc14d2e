package sim

import (
	"fmt"
	"time"
)

// Survey is a survey that can be simulated.
type Survey uint8

// The simulated surveys.
const (
	ZTF  Survey = iota // whole Avro containers, schema 3.3
	LSST               // Confluent's framing, schema 9.0, id 900
)

// ParseSurvey is the inverse of String.
func ParseSurvey(name string) (Survey, error) {
	for _, s := range []Survey{ZTF, LSST} {
		if name == s.String() {
			return s, nil
		}
	}
	return 0, fmt.Errorf("sim: unknown survey %q: use ztf or lsst", name)
}

// String returns "ztf" or "lsst".
func (s Survey) String() string {
	switch s {
	case ZTF:
		return "ztf"
	case LSST:
		return "lsst"
	}
	return fmt.Sprintf("Survey(%d)", uint8(s))
}

// Packet is one message of a survey's stream.
type Packet struct {
	Key, Value []byte    // owned by the caller; surveys send no Key
	Time       time.Time // of the event, UTC; zero if a replayed packet has none
	ID         int64     // candid or diaSourceId; 0 if a replayed packet has none
	Object     string    // object_id of alert.Decoder; empty if none
}
