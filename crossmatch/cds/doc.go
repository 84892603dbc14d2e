// Package cds matches positions with the catalogues of the CDS in Strasbourg,
// SIMBAD and all tables of VizieR, through its X-Match service.
//
// # Use
//
// A [Client] is a crossmatch.Matcher of one table:
//
//	simbad := &cds.Client{
//		Table:  "simbad",
//		Fields: []arrow.Field{{Name: "main_id"}, {Name: "otype"}},
//	}
//	answer, err := simbad.Nearest(ctx, positions, 1*crossmatch.Arcsecond)
//
// Fields are the columns to fetch, by the service's names, and the types that
// they should have: strings (also if a field has no type), integers, floats or
// booleans. The client determines the types, not the reply, so Schema is known
// before the first reply and never changes. A value that does not fit its type
// fails the request, with an error that names the column.
//
// The service matches at J2000, with the positions that it prefers for each table
// (moved to J2000 where it knows proper motions), so the epochs of positions are
// not used. It accepts radii up to 180 arcseconds, and returns its own separations,
// to about a microarcsecond. For finer ones, load the table and match it locally.
//
// # Failures
//
// The service is shared by all astronomers and fails often. Positions that it
// did not answer have the status StatusFailed, never StatusNone, and the answer
// has the cause. To retry, match only the rows whose status is failed: failures
// are not cached, results are. A reply counts only if it is complete. Replies
// are VOTables, which show truncation and omitted rows; a CSV truncated between
// two lines would read as "no match" for the rest.
//
// A request fails after [Service].Timeout. Server errors, network errors and
// truncated or invalid replies are retried, after a pause that doubles, with
// jitter, or for as long as the server asks. A refused request (such as one for
// an unknown table or column) is not retried.
//
// The service bans clients that run jobs in parallel. All clients in a process
// that use the same host share a circuit breaker with a queue, and have one
// request in flight between them. Consecutive failures open the breaker for
// [Service].Cooldown, a ban opens it for [Service].Ban. While it is open, no
// request is sent, and answers fail at once with [ErrUnavailable] and the
// cause. After that the breaker is half open: the next request, which is not
// retried, closes it or opens it again. The breaker does not see other
// processes: run only one that uses the service, or give each its own host.
//
// A [Client].Fallback, such as a local copy of the catalogue, matches the positions
// for which the service returned no result.
//
// # Cache
//
// Positions that occur several times in a call are requested once. Results,
// including "no match", stay in an LRU cache of [Client].Cache entries until
// they are [Client].CacheAge old. Its keys are the exact position and radius:
// the result for a position nearby would have a slightly wrong separation and,
// at the edge of the radius, the wrong status. So a batch that is run again, or
// a retry, costs the service only what it has not answered yet.
package cds
