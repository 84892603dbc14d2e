// Package fink has the live filters of the Fink broker, for alerts of ZTF and Rubin,
// in the language of package filter:
//
//	filters, err := filter.ReadDir(fink.FS, ".")
//
// README.md, beside this file, lists them, what differs from Fink's own code and why,
// and which columns a broker must provide for each.
package fink

import "embed"

// FS has the files of the filters, and the tables of their watchlists.
//
//go:embed *.yml *.csv
var FS embed.FS
