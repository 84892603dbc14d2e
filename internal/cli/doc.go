// Package cli holds what the commands share: the flags that select a stream,
// sizes as flags, progress on a terminal or as JSON, -version, and errors in
// one line with an exit status.
package cli
