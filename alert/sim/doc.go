// Package sim simulates the packets of ZTF and LSST, for tests, demonstrations
// and benchmarks, and replays real ones from files.
//
//	s := &sim.Simulator{Survey: sim.ZTF, Seed: 1, Alerts: 3000}
//	for p, err := range s.Packets(0) {
//		…
//	}
//
// # Simulated nights
//
// A [Simulator] makes whole messages: for ZTF, Avro containers with one record;
// for LSST, Confluent's framing with schema id 900, whose schema is in a
// [Registry]. They have all fields of the real packets and about their size.
// Fields that describe what was seen, when and where are consistent; the others
// have plausible values, or null where real packets mostly have null.
//
// A telescope observes each of its fields three times a night, every third night.
// It sees
//
//   - variable stars, with periods between 0.3 and 12 days;
//   - supernovae, which rise in two weeks and decline in two months;
//   - asteroids, which move by some tenths of an arcsecond a minute; LSST's
//     packets have an ssSource and no diaObject for them;
//   - bogus detections, whose score (rb, reliability) is below 0.35.
//
// Histories (prv_candidates, prvDiaSources) reach back thirty days and agree
// with the alerts of earlier exposures, upper limits included. Ids are unique and
// rise from exposure to exposure. Equal simulators make equal bytes: change the
// Seed or the Start to get other alerts.
//
// The cutouts are valid FITS, gzipped for ZTF: noise, the object, its host galaxy
// or reference star, and some neighbours.
//
// # Replays
//
// A [Replay] reads real packets from files, directories, globs and tarballs, and
// yields each as its survey sends it. A container with many records becomes one
// container per record. LSST's packets get Confluent's framing, however the file
// holds them; their schema gets an id above 100000, always the same for the same
// text, and is added to the [Registry]. Messages that are framed already or cannot
// be decoded stay unchanged.
//
// With [Vary] each packet gets its own id, time, position and cutout noise, and
// keeps its size. Without it, a benchmark that repeats packets measures how well
// they deduplicate.
//
// # Limits
//
// Light curves can be classified but not fitted. Fields are scattered over the sky
// and may be below the horizon. Motions and orbits are inconsistent.
package sim
