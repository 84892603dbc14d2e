// Package store stores the records of a ledger and the files of an archive. [Dir]
// stores them in a local directory, [Memory] in memory, for tests and temporary
// jobs.
//
// The interface [Store] is small. It requires the two operations that exactly-once
// delivery needs, put-if-absent and stage-and-publish, which a local disk, HDFS and
// S3 all provide in different ways:
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
// On S3 a staged name is a small object with the upload's id and parts. Therefore
// Stage takes the final name, and Delete of a staged name aborts the upload. An
// upload lasts until its writer is closed, so the context of Stage applies to all
// methods of the writer.
//
// A store may also be a [Locker], which detects early that a second process was
// started by mistake. Processes that share a ledger on purpose share the lock.
// A store whose writers buffer parts of uploads should be a [WriteBufferer], so that
// sinks open fewer files at once. A store that can overwrite records should be a
// [Hinter].
package store
