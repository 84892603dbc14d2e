package archive

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    archive - write alerts into a Parquet archive by the hour, exactly once

SYNOPSIS
    archive -brokers HOST:PORT[,...] -topics NAME[,...] [-out DIR] [flags]
    archive -files PATH[,PATH...] [-out DIR] [-once] [flags]
    archive                              a demonstration: see below
    archive audit -out DIR [flags]       prove that the archive holds: archive audit -h
    archive replay-rejected -out DIR [flags]
                                         try rejected messages again, after a fix:
                                         archive replay-rejected -h

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

    After more than an interval's work has piled up, new alerts do not wait until
    it is done: they are archived as they come, and the backlog beside them.

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
    -late-share 0.5     part of a batch that is kept for a backlog while new alerts
                        come; what either does not need the other gets. 1: strictly
                        the oldest first; 0: a backlog gets what new alerts leave
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

const auditManual = `NAME
    archive audit - prove that an archive is whole

SYNOPSIS
    archive audit -out DIR [-brokers HOST:PORT -topics NAME | -files PATH] [flags]

DESCRIPTION
    Compares an archive with its ledger, and the ledger with itself:

    - each offset of each partition is in one commit, and the accounts add up:
      offsets = read + control + aborted + compacted + lost, and
      read = written + rejected + dropped;
    - each committed file is there, has its size, its rows and a sound footer, and
      its pages follow each other without a gap;
    - no other file is under alerts or rejected, and nothing in staging that a
      batch which is decided left there;
    - each table's schema file is the schema of the ledger.

    With a source it says besides what waits there, what is gone before it was
    archived, and which partitions the archive has not begun.

    It may run beside a service: what is on its way is given five seconds. While
    a backlog is read beside new alerts, name the source: offsets between the two
    are claimed by nobody yet.

    Standard output has a table of the partitions, one of the tables, a line for
    each thing that does not hold (WRONG), with its name and what to do, and a
    closing line.

FLAGS
    -out DIR            the archive (default "archive")
    -brokers HOST:PORT,... -topics NAME,... -kafka-config FILE
                        the stream that is archived there: see archive -h
    -files PATH,...     or the files
    -repair             publish what is committed and staged, remove what decided
                        batches left in staging and what a replay has replaced, and
                        write schema files anew; say what was done. A file that is
                        missing or damaged is told and left as it is
    -deep               decode every value of every file, and compare the checksums
                        of its pages
    -json               print the report as one JSON object

EXIT STATUS
    0 all holds, or does now; 1 something does not, or the audit could not be
    done; 2 wrong usage

EXAMPLES
    archive audit -out sky
    archive audit -out sky -brokers localhost:9092 -topics 'ztf_\d{8}_programid1'
    archive audit -out sky -repair -json
`

const replayManual = `NAME
    archive replay-rejected - try rejected messages again, after a fix

SYNOPSIS
    archive replay-rejected -out DIR [-cause REGEXP] [-registry URL|DIR] [flags]

DESCRIPTION
    Takes the messages under OUT/rejected, as they came, and decodes them again:
    with newer code, or a registry that knows their schemas by now. What can be
    decoded goes to the tables under alerts, with the topic, partition, offset and
    time that it came with; the rest stays rejected, and what was tried has its new
    cause. A rejected file of which a message was decoded is replaced by one of
    what is left, under the hour of the replay.

    Each message is in alerts or in rejected, once, also if the process is killed:
    the next start of archive or of replay-rejected takes up the work. For the
    moment of publication readers may see a message in both.

    A service that writes to the archive must be stopped before.

FLAGS
    -out DIR            the archive (default "archive")
    -cause REGEXP       only messages whose cause it matches (default: all)
    -registry URL|DIR   writers' schemas of Confluent framing: see archive -h
    -compression zstd   or snappy, or none
    -workers N          goroutines that decode and encode (default: one a core)

EXIT STATUS
    0 done, whether or not anything could be decoded; 1 an error; 2 wrong usage

EXAMPLES
    archive replay-rejected -out sky -cause 'schema id 1100' -registry https://registry.example.org
`
