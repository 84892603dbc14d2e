//go:build killpoints

package stream

// snapshotPeriod is short in the build that is killed and starved in tests: a
// run of a few batches then comes by snapshots, history and truncation too.
const snapshotPeriod = 2
