// Package monitor shows what jobs do, while they do it and over the years: on pages
// for people, as metrics for Prometheus, as health for Kubernetes, and as JSON for
// everything else.
//
//	m := new(monitor.Monitor)
//	m.Add(&monitor.Job{Name: "bright", MicroBatch: job})
//	go m.ListenAndServe(ctx, "localhost:5000")
//
// The pages are then at http://localhost:5000/. They need nothing from other hosts.
// API.md, beside this file, specifies the paths, the JSON and the metrics.
//
// A job is a [stream.MicroBatch], whose events and status are used, or anything that
// can return a [stream.Status]. One Monitor may have several jobs; their metrics
// then have a label service.
//
// # History and other processes
//
// With Job.Store, usually the store of the output, the job keeps its status and its
// history there, under monitor/:
//
//	monitor/status/INSTANCE.json         at most 2 s old on a disk, 10 s on other stores
//	monitor/history/INSTANCE/STEP/START  seconds for 15 minutes, then thinned: 10 s for
//	                                     12 hours, 1 min for 4 days, 10 min for 60 days,
//	                                     1 h for 400 days, 3 h for ten years
//	monitor/lock/INSTANCE                locked while the process runs
//	monitor/audit.json                   the result of the last audit
//
// Ten years take less than 20 MB. The files are replaced as a whole, so that a
// process may be killed at any time; what was incomplete is made from the shorter
// steps at the next start. Several processes with one store have a history each,
// which the pages show as one. A Job with only a Store shows jobs of other
// processes, and since when nothing has been heard of them.
//
// # What it costs
//
// The job waits for the monitor only while it counts an event, about 15 times a
// batch. A client that reads slowly misses events, and is cut off after ten
// seconds; a store that hangs stops the history, not the job.
//
// It links Prometheus' client library and exporter-toolkit, both under the Apache
// License 2.0, which add about 9 MB to a program. No other package of this module
// imports them.
//
// # Security
//
// Whoever can connect can read; nothing can be changed. A server listens on
// localhost unless told otherwise; Monitor.Config has certificates, users and their
// passwords. The name by which a request was sent is checked, methods other than
// GET and HEAD are refused, and all that comes from packets is JSON within pages
// that run no script but their own.
package monitor
