package ledger

import (
	"encoding/json"
	"iter"
	"time"
)

// Receipt records what a sink has staged: plain data from which any process can
// publish it.
type Receipt struct {
	Files []File          `json:"files,omitempty"`
	Parts []Receipt       `json:"parts,omitempty"` // one for each sink of a Tee, or each route of a FanOut with rows
	Data  json.RawMessage `json:"data,omitempty"`  // for sinks that publish something other than files
	Route string          `json:"route,omitempty"` // of a part: the route's name, if from a FanOut
}

// File is one staged file.
type File struct {
	Table      string    `json:"table,omitempty"`
	StagedPath string    `json:"stage"` // before publication
	Path       string    `json:"name"`  // from publication on
	Rows       int64     `json:"rows"`
	Bytes      int64     `json:"bytes"`
	First      time.Time `json:"first,omitzero"` // the earliest event time of its rows
	Last       time.Time `json:"last,omitzero"`  // the latest
	// Schema is the record of the table's schema chain that the file was written
	// with, or 0 if unknown.
	Schema int `json:"schema,omitempty"`
	// Stats holds the least and the greatest value of columns, by name: numbers,
	// strings, and times in RFC 3339. Any column may be missing.
	Stats map[string][2]json.RawMessage `json:"stats,omitempty"`
}

// All yields the files of the receipt and of its parts.
func (r Receipt) All() iter.Seq[File] {
	return func(yield func(File) bool) { r.all(yield) }
}

func (r Receipt) all(yield func(File) bool) bool {
	for _, f := range r.Files {
		if !yield(f) {
			return false
		}
	}
	for _, p := range r.Parts {
		if !p.all(yield) {
			return false
		}
	}
	return true
}
