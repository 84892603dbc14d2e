// Package archive is the command archive with its sub-commands audit and
// replay-rejected: their manuals, flags and wiring.
package archive
