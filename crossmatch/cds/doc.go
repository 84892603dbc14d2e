// Package cds matches positions with the catalogues of the CDS in Strasbourg,
// SIMBAD and any table of VizieR, through its X-Match service.
//
// # Use
//
// A [Client] is a crossmatch.Matcher of one table. Fill it in and ask:
//
//	simbad := &cds.Client{
//		Table:  "simbad",
//		Fields: []arrow.Field{{Name: "main_id"}, {Name: "otype"}},
//	}
//	answer, err := simbad.Nearest(ctx, positions, 1*crossmatch.Arcsecond)
//
// Fields are the columns to fetch, by the service's names for them, with the
// types that you want them in: strings (which is what a field without a type
// is), integers, floats or booleans. The types are yours and not the reply's,
// so that Schema is known before the first reply and is the same after each.
// A value that is not of its type fails the request, with an error that names
// the column.
//
// The service matches at J2000, with the positions that it prefers for each
// table (moved to J2000 by proper motion where it knows that), so the epochs of
// the positions are not used. It takes radii up to 180 arcseconds, and states
// separations, which are its own, to a microsecond of arc or so: to find what
// is nearest to a finer scale, load the table and match it here.
//
// # When it fails
//
// The service is shared by all astronomers, and fails often. Any failure is
// the status Failed of the positions that were not answered, never None, and
// the cause is in the answer. What was failed can be matched again later: keep
// the rows whose status is failed, and ask for their positions once more. A
// failure is not remembered, so they are asked for anew, and those that were
// answered come from the cache. A reply counts only when it is whole: replies
// are asked for as VOTables, since the end of one, and what it says of rows
// left out, shows. A CSV that was cut between two lines would read as "no
// match" for the rest.
//
// A request has [Service].Timeout to be answered. Server errors, network errors
// and replies that are cut or make no sense are tried again, after a pause that
// doubles and is jittered, or as long as the server asks for. A refused request
// (no such table or column) is not.
//
// The service bans who runs jobs in parallel. All clients in a process that
// speak to the same host share a circuit breaker with a queue, and hold one
// request in flight between them. Several failures in a row open the breaker for
// [Service].Cooldown, and a ban for [Service].Ban: no request is sent then, and
// answers fail at once with [ErrUnavailable] and what led to it. After that it is
// half open: the next request, which is not retried, closes it or opens it again.
// Other processes are not seen from here: run one that matches, or give each host
// of yours its own.
//
// A [Client].Fallback, a local copy of the catalogue say, answers what the
// service did not.
//
// # What is remembered
//
// Positions that occur more than once in a call are asked once. Answers, also
// that nothing is there, stay in an LRU cache of [Client].Cache entries, where
// they expire after [Client].CacheAge. Its keys are the exact position and radius:
// an answer for a place nearby would have a separation that is a little off and,
// at the edge of the radius, the wrong status. So a batch that is run again, or
// what failed and is tried again, costs the service only what it has not answered
// yet.
package cds
