package main

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    archive - write alerts into a Parquet archive by the hour, exactly once

SYNOPSIS
    archive -brokers HOST:PORT[,...] -topics NAME[,...] [-out DIR] [flags]
    archive -files PATH[,PATH...] [-out DIR] [-once] [flags]
    archive                              a demonstration: see below

DESCRIPTION
    Reads alerts and files every one of them, whole, under its UTC hour:

        OUT/alerts/SURVEY/YYYY/MM/dd/hh/*.parquet   one table a survey: ztf, lsst, ...
        OUT/rejected/YYYY/MM/dd/hh/*.parquet        what could not be decoded, and why
        OUT/schema/SURVEY.parquet                   no rows: the table's schema
        OUT/ledger, OUT/staging                     what was done; what is being done

    Without -once it goes on until Ctrl-C and takes alerts as they come.

    From Kafka it reads up to the last stable offset, each partition from where
    the archive's ledger stands: a fresh archive begins where -start says, a topic
    or partition that appears later at its beginning. Brokers may go away for ten
    minutes, once they have been reached.

    A file is read once it has lain unchanged for five seconds: write files
    elsewhere and move them in. It is known by its path, symlinks resolved; one
    that has been archived is not read again.

    Stopped or killed at any time, the next start takes up the work where it
    stood: nothing is lost and nothing is there twice.

    Without any flag it starts a broker within itself, simulates a short night of
    ZTF and LSST there, archives it to ./skyfinch-demo, and shows how to read it.

FLAGS
` + cli.KafkaManual + cli.GroupManual + `    -files PATH,...     files, directories (searched for .avro .bin .tar .tar.gz
                        .tgz), globs (** too), tarballs of a night
    -out DIR            the archive (default "archive")
    -registry URL|DIR   writers' schemas of Confluent framing (LSST): a schema
                        registry, or a directory of NAME-ID.avsc files
    -once               archive what is there, print a summary, end
    -interval 10s       from batch to batch while nothing waits
    -clock event        file by event time; ingest: by the hour of ingest; night: by
                        observing night, YYYY/MM/dd. Fixed for an archive by its
                        first run
    -compression zstd   or snappy, or none; gzipped cutouts stay as they are
    -lost error         when what was planned is gone before it was read, stop; record:
                        write into the ledger that it is lost, and go on
    -max-rows N         most messages in a batch (default 100000)
    -max-bytes SIZE     most bytes of messages in a batch, like 512M (default 1GiB)
    -workers N          goroutines that decode and encode (default: one a core)
    -progress auto      a line on a terminal, nothing in a pipe; json: an object a
                        second on standard output, the last one is the summary;
                        off

EXIT STATUS
    0 done, or without -once stopped by Ctrl-C or SIGTERM; 1 an error, or -once
    interrupted, in one line on standard error; 2 wrong usage

EXAMPLES
    archive -brokers localhost:9092 -topics 'ztf_\d{8}_programid1' -out sky
    archive -kafka-config rubin.properties -topics lsst-alerts-v11 -out sky \
            -registry https://registry.example.org -start latest
    archive -files ztf_public_20181129.tar.gz -out sky -once
    archive -files '/data/incoming/**/*.avro' -out sky -compression snappy
    archive -files lsst/ -registry http://localhost:8081 -out sky -once
`
