// Package cli is what the example binaries share: the flags that name a stream,
// sizes as flags, progress on a terminal or as JSON, and an end with one line
// and an exit status.
package cli
