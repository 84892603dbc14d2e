//go:build !killpoints

package stream

// snapshotPeriod is how many batches are done between two snapshots at least:
// their records are what a start has to read, and lie around.
const snapshotPeriod = 64
