// Package checkstream is the command checkstream: it shows the alerts of a
// stream and stores nothing.
package checkstream
