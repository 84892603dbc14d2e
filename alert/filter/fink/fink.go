// Package fink has the live filters of the Fink broker, for ZTF and for Rubin, as
// files of package filter. README.md, beside this file, lists them, the columns that they
// need, and where they differ from Fink's own code.
package fink

import (
	"embed"

	"github.com/skyfinch/skyfinch/alert/filter"
)

//go:embed *.yml *.csv
var files embed.FS

// Filters returns the filters, in the order of their names.
func Filters() ([]*filter.Filter, error) { return filter.ReadDir(files, ".") }

// Class returns Fink's classification of ZTF alerts, as the column class.
func Class() (*filter.Column, error) {
	all, err := filter.ReadColumns(files, ".")
	if err != nil {
		return nil, err
	}
	return all[0], nil
}
