// Package audit verifies archives of package archive: [Run] compares an archive
// with its ledger, and the ledger with itself.
//
//   - Every offset is in one commit, and the accounts add up (see
//     ledger.Account).
//   - Every live file exists, is intact, and has the committed rows. A committed
//     file is live until a later batch replaces it.
//   - A rewrite has as many rows in each directory as the files that it replaces,
//     and no file was replaced twice. Replaced files may exist until they are
//     deleted.
//   - There is no other file where readers look, and staging holds nothing of a
//     decided batch.
//   - The schema file of each table holds the table's schema in the ledger.
//
// Run takes no lock, so services may archive at the same time. What seems wrong
// is checked again after [Options].Grace, because a publication may have been in
// progress.
//
// Run reads the ledger batch by batch, twice, and needs about 12 bytes of memory
// for each file and a few hundred for each partition. With [Options].Since, it
// reads only the batches after an earlier audit, and their files.
package audit
