// Package store keeps bytes: the records of a ledger and the files of an
// archive. Dir keeps them in a local directory; Memory keeps them in memory, for
// tests and throwaway jobs.
//
// The interface is deliberately small. It requires the two operations that
// exactly-once delivery needs: to put a record if its name is absent, and to
// stage and publish a file. A local disk, HDFS and S3 can all do both, each in
// its own way:
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
// On S3, a staged name is a small object that holds the id and the parts of an
// upload. Therefore Stage takes the final name, and Delete of a staged name
// aborts the upload. An upload runs until its writer is closed, so the context
// of Stage applies until then.
//
// A store may also be a [Locker], which detects early that a second process was
// started by mistake. Processes that are meant to run at the same time share the
// lock.
package store
