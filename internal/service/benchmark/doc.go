// Package benchmark is the command benchmark: it measures what the archive
// costs, compared with a plain fetch of the same topic and a plain write of the
// same bytes.
package benchmark
