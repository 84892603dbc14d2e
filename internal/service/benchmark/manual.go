package benchmark

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    benchmark - measure the performance of the archive

SYNOPSIS
    benchmark [-brokers HOST:PORT,...] [-survey ztf|lsst] [-n N] [flags]

DESCRIPTION
    Fills a new topic with packets that all differ, over six event hours, then
    measures in turn, -runs times, each in its own process:

    plain fetch     all messages are fetched and dropped, with nothing but
                    sarama's Broker.Fetch in a loop, one connection for each
                    partition
    stream/kafka    all messages are read through kafka.Source and dropped
    archive         the topic is archived as the command archive does it: with
                    ledger, statistics and fsync
    plain write     files of the same number and sizes are written and fsynced; in
                    every second run, this comes before the archive

    It prints the medians, and the archive's time relative to the plain fetch and
    write of the same run. Seconds are those of the work; CPU (user and system)
    and memory are those of the whole process. MB/s count messages or, for the plain
    write, files; MB are 10^6 bytes. The broker is not measured, but an embedded or
    local one shares the machine.

    Without -brokers the broker is embedded and keeps the topic in memory: about
    150 MB for the default of 2,000 alerts, 1.5 GB for 20,000. Short runs include
    the time to start up: for comparable numbers, use -n 20000 -runs 5.

FLAGS
    -brokers HOST:PORT,... a Kafka cluster; the topic is removed at the end
    -kafka-config FILE  a properties file, as for Kafka's own tools
    -survey ztf         or lsst
    -n 2000             number of alerts
    -packets PATH       real packets instead of simulated ones: a file, directory, glob
                        or tarball. Each is sent with a new id, time, position and
                        cutout noise
    -compression both   snappy, zstd or none; both is snappy and zstd
    -runs 3             number of runs
    -partitions 4       number of partitions of the topic
    -dir DIR            where archives are written (default: the system's directory for
                        temporary files)
` + cli.WatchManual + `                        They are of the archive while it is measured, so that
                        their cost can be measured too
    -keep               leave the topic and the last archives, and say where they are
    -version            print the version

EXIT STATUS
    0 success; 1 an error, in one line on standard error; 2 a usage error; 130 Ctrl-C

EXAMPLES
    benchmark
    benchmark -n 20000 -runs 5
    benchmark -brokers localhost:9092 -survey lsst -n 10000 -packets alerts/ -runs 5
`
