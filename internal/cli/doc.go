// Package cli is what the commands share: the flags that name a stream, sizes
// as flags, progress on a terminal or as JSON, -version, and an end with one
// line and an exit status.
package cli
