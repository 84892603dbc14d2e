package benchmark

const manual = `NAME
    benchmark - measure what archiving costs

SYNOPSIS
    benchmark [-brokers HOST:PORT,...] [-survey ztf|lsst] [-n N] [flags]

DESCRIPTION
    Fills a new topic with packets that all differ, over six event hours, then
    measures in turn, RUNS times, each in a process of its own:

    plain fetch     every message is fetched and dropped: no more than sarama's
                    Broker.Fetch in a loop, for each partition on a connection
                    of its own
    stream/kafka    every message is read through kafka.Source and dropped
    archive         the topic is archived as examples/archive does it: ledger,
                    statistics, fsync
    plain write     as many files, of the same sizes, are written and fsynced; in
                    every second run before the archive, not after it

    It prints the medians, and what the archive takes compared with the plain
    fetch and write of the same run. Seconds are those of the work; CPU, user
    and system, and memory are those of the whole process. MB/s are of messages,
    and for the plain write of files. The broker is in none of the numbers, but
    it shares the machine, if it runs here.

    Without -brokers the broker is embedded, shares the processors, and keeps the
    topic in memory: about 1.5 GB for 20,000 alerts.

FLAGS
    -brokers HOST:PORT,... a Kafka cluster; the topic is removed at the end
    -kafka-config FILE  properties as Kafka's own tools take them
    -survey ztf         or lsst
    -n 2000             alerts; use 20000 or more for figures that count
    -packets PATH       real packets instead of simulated ones: a file, directory, glob
                        or tarball. Each is sent with an id, a time, a position
                        and cutouts of its own
    -compression both   snappy, zstd or none; both is snappy and zstd
    -runs 3
    -partitions 4
    -dir DIR            where archives are written (default: of the system's temporary
                        files)
    -keep               leave the topic and the last archives, and print where they are
    -version            print the version

EXAMPLES
    benchmark
    benchmark -brokers localhost:9092 -survey lsst -n 10000 -packets alerts/ -runs 5
`
