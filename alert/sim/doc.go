// Package sim makes the packets of ZTF and LSST, for tests, demonstrations and
// benchmarks that need no survey, or replays real ones.
//
//	s := &sim.Simulator{Survey: sim.ZTF, Seed: 1, Alerts: 3000}
//	for p, err := range s.Packets(0) {
//		…
//	}
//
// # Simulated nights
//
// A [Simulator] makes whole messages: ZTF's as Avro containers with one record,
// LSST's in Confluent's framing with schema id 900, which a [Registry] answers
// for. They have all fields of the real ones, and about their size. Fields that
// say what was seen, when and where are consistent; the others have plausible
// values, or null where the real ones mostly have.
//
// A telescope looks at each of its fields three times a night, and comes back
// every third night. There it sees
//
//   - variable stars, with a period between 0.3 and 12 days;
//   - supernovae, which rise in two weeks and decline in two months;
//   - asteroids, which move by some tenths of an arcsecond a minute: in LSST's
//     packets they have an ssSource and no diaObject;
//   - bogus detections, whose score (rb, reliability) is below 0.35.
//
// Histories (prv_candidates, prvDiaSources) reach back thirty days and agree
// with the alerts of earlier exposures, upper limits included. Ids rise from
// exposure to exposure, and no two alerts have the same. Equal simulators make
// equal bytes: to see other alerts, change the Seed or the Start.
//
// The cutouts are sound FITS, ZTF's gzipped: noise, the object, its galaxy or
// reference star, some neighbours.
//
// # Replays
//
// A [Replay] reads real packets from files, directories, globs and tarballs,
// and yields each as its survey sends it: a container with many records becomes
// a container a record, and LSST's packets, however the file holds them, get
// Confluent's framing. A file's schema gets an id above 100000, always the same
// for the same text, and the [Registry] learns it. What is framed already, and
// what nobody understands, stays as it is.
//
// With [Vary] each packet gets an id, a time, a position and cutout noise of its
// own, without changing its size: a benchmark whose packets repeat measures how
// well dictionaries fold.
//
// # Limits
//
// Light curves are there to be told apart, not to be fitted; positions are of
// fields scattered over the sky, which nobody asks whether they are up; motions
// and orbits do not fit each other.
package sim
