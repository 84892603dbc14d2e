// Package audit verifies archives of package archive: [Run] compares an archive
// with its ledger, and the ledger with itself.
//
//   - Every offset is in one commit, and the accounts add up (see
//     ledger.Account).
//   - Every committed file exists, is intact, and has the committed rows.
//   - No other file is where readers look, and staging holds nothing from a
//     decided batch.
//   - The schema file of each table is the table's schema in the ledger.
//
// Run takes no lock, so services may archive at the same time. What seems wrong
// is checked again after [Options].Grace, because a publication may have been in
// progress.
//
// Memory: about 9 bytes for each file and a few hundred for each partition. The
// ledger is read batch by batch.
package audit
