// Package store is where bytes are kept: the records of a ledger and the files
// of an archive. Dir keeps them in a local directory, Memory in memory for
// tests and throwaway jobs.
//
// The interface is small on purpose. It asks of a store the two things that
// exactly-once delivery needs, and which a local disk, HDFS and S3 can all do
// though each does it in its own way:
//
//	              local directory       HDFS                            S3
//	PutIfAbsent   link(2) of a          rename of a directory that      put with
//	              synced file           holds the record                If-None-Match: *
//	Stage, Close  write, fsync          write, close until complete     multipart upload,
//	                                                                    all parts sent
//	Abort         unlink                delete                          abort the upload
//	Publish       rename                rename                          complete the upload
//	Open          pread(2)              positioned read                 get of a range
//
// On S3 a staged name is a small object that holds the upload's id and its
// parts; so Stage is told the final name at once, and Delete of a staged name
// aborts the upload. An upload runs until its writer is closed, so the context
// of Stage governs the writer's whole life.
//
// A store may be a [Locker] too: it tells a second process early that it was
// started by mistake. Processes that are meant to work side by side share the
// lock.
package store
