package archive

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    archive - write alerts to an hourly Parquet archive, exactly once

SYNOPSIS
    archive -brokers HOST:PORT[,...] -topics NAME[,...] [-out DIR] [flags]
    archive -files PATH[,PATH...] [-out DIR] [-once] [flags]
    archive                              a demonstration: see below
    archive ls -out DIR [flags]          list what an archive has: archive ls -h
    archive audit -out DIR [flags]       verify an archive: archive audit -h
    archive compact -out DIR [flags]     merge small files: archive compact -h
    archive prune -out DIR [flags]       remove the oldest alerts: archive prune -h
    archive replay-rejected -out DIR [flags]
                                         try rejected messages again, after a fix:
                                         archive replay-rejected -h

DESCRIPTION
    Reads alerts and writes each of them, whole, to the directory of its UTC hour:

        OUT/alerts/SURVEY/YYYY/MM/dd/hh/*.parquet   one table for each survey: ztf, lsst, ...
        OUT/rejected/YYYY/MM/dd/hh/*.parquet        messages that could not be decoded, and why
        OUT/schema/SURVEY.parquet                   the table's schema, without rows
        OUT/ledger, OUT/staging                     the record of what is done; work in progress
        OUT/monitor                                 status and history, for -http

    Without -once it archives alerts as they arrive, until Ctrl-C.

    It reads Kafka up to the last stable offset. Each partition continues where the
    archive's ledger ends. A new archive begins where -start says; a topic or
    partition that appears later is read from its beginning. After the first
    connection, an outage of the brokers of up to ten minutes is tolerated.

    A file is read once it has been unchanged for five seconds, or if it is older
    than a day: write files elsewhere and move them in. A file is identified by its
    path, symlinks resolved; one that is archived is not read again.

    What cannot be read, such as a file without permission, is named on standard
    error and tried again later; everything else is archived. Then -once ends with
    an error.

    A job finishes only the batches of its own kind of source. If one with another
    kind, files or Kafka, has left a batch unfinished, it stops and says so.

    If more than an interval's work is waiting, new alerts do not wait for it: they
    are archived as they arrive, and the backlog alongside them.

    After a stop or a crash at any time, the next start resumes the work: nothing
    is lost and nothing is stored twice.

    Without flags it starts a broker within the process, simulates a short night of
    ZTF and LSST, archives it to ./skyfinch-demo (23 MB), and shows how to read it.

FLAGS
` + cli.KafkaManual + cli.GroupManual + `    -files PATH,...     files, directories (searched for .avro .bin .tar .tar.gz
                        .tgz), globs (** too), tarballs of a night
    -out DIR            the archive (default "archive")
` + cli.RegistryManual + cli.WatchManual + `    -once               archive what is available, print a summary, exit
    -interval 10s       time between batches while nothing waits
    -clock event        file by event time; ingest: by the hour of ingest; night: by
                        observing night, YYYY/MM/dd. The first run fixes it for an
                        archive
    -compression zstd   or snappy, or none; gzipped cutouts are stored unchanged
    -lost error         stop if planned messages are gone before they were read;
                        record: record the loss in the ledger and continue
    -compact            merge the small files of hours that have been quiet for an
                        hour, in the background, with up to 200 MB more memory: see
                        archive compact -h
    -late-share 0.5     share of a batch that is reserved for a backlog while new
                        alerts arrive; each gets what the other does not need. 1:
                        strictly the oldest first; 0: a backlog gets only what new
                        alerts do not need
    -max-rows N         maximum number of messages in a batch (default 100000)
    -max-bytes SIZE     maximum size of a batch's messages, like 512MiB (default 1GiB)
    -workers N          goroutines that decode and encode (default: one for each core)
    -progress auto      a line on a terminal, nothing in a pipe; json: an object every
                        second on standard output, the last one is the summary;
                        off
    -version            print the version

EXIT STATUS
    0 success, or without -once stopped by Ctrl-C or SIGTERM; 1 an error, in one
    line on standard error, or -once ended by SIGTERM; 2 a usage error; 130 -once
    ended by Ctrl-C

EXAMPLES
    archive -brokers localhost:9092 -topics 'ztf_\d{8}_programid1' -out sky
    archive -kafka-config rubin.properties -topics lsst-alerts-v11 -out sky \
            -registry https://registry.example.org -start latest
    archive -files ztf_public_20181129.tar.gz -out sky -once
    archive -files '/data/incoming/**/*.avro' -out sky -compression snappy
    archive -files lsst/ -registry http://localhost:8081 -out sky -once
`

const auditManual = `NAME
    archive audit - verify that an archive is complete

SYNOPSIS
    archive audit -out DIR [-brokers HOST:PORT -topics NAME | -files PATH] [flags]

DESCRIPTION
    Compares an archive with its ledger, and the ledger with itself:

    - every offset of every partition is in one commit, and the accounts add up:
      offsets = read + control + aborted + compacted + lost, and
      read = written + rejected + dropped;
    - every committed file that no later batch has replaced exists and has the
      committed size and rows, an intact footer, and pages without a gap between
      them;
    - what replaced files has their rows, hour by hour, and no file was replaced
      twice. A replaced file may exist until its deletion is due: that is noted;
    - no other file is under alerts or rejected, and staging holds nothing of a
      decided batch;
    - the schema file of each table has the schema of the ledger.

    If the source is named, it also reports what waits there, what was gone before
    it was archived, and which partitions the archive has not begun.

    It may run at the same time as a service: publications in progress get five
    seconds to finish. While a backlog is archived alongside new alerts, the offsets
    between the two are noted as not yet read; name the source to learn whether it
    still has them.

    A nightly audit of a large archive need not read what the last one has read:
    with -save, an audit that finds nothing wrong saves what it has verified, and
    with -since the next one reads only the batches since, and their files. Of the
    earlier files it compares the names and sizes, all in one sum; and it checks
    over all batches that each offset is in one commit and that there are no holes.
    It does not find an earlier file that was damaged without a change in size, nor
    a damaged earlier record of the ledger, and does not verify what a later rewrite
    states about the rows of an earlier file: audit without -since now and then.

    It prints a table of the partitions, without the columns that are zero
    everywhere, and a table of the tables; then, for each thing that is wrong, a
    line (WRONG) with its name and what to do; and a closing line.

FLAGS
    -out DIR            the archive (default "archive")
    -brokers HOST:PORT,... -topics NAME,... -kafka-config FILE
                        the archive's source, if it is a stream: see archive -h
    -files PATH,...     the archive's source, if it is files
    -repair             publish what is committed and staged, remove what decided
                        batches left in staging and what a rewrite has replaced,
                        rewrite wrong schema files; and say what was done. Missing
                        and damaged files are reported and left unchanged
    -deep               decode every value of every file that is read, and verify
                        the checksums of its pages and the statistics by which
                        queries skip rows
    -since FILE         read only what is newer than FILE, which -save has written
    -save FILE          if nothing is wrong, save what was verified (about 200 bytes
                        for each partition); FILE may be that of -since
    -json               print the report as one JSON object

EXIT STATUS
    0 nothing is wrong, or nothing after repairs; 1 something is wrong, or the audit
    could not be done; 2 a usage error

EXAMPLES
    archive audit -out sky
    archive audit -out sky -brokers localhost:9092 -topics 'ztf_\d{8}_programid1'
    archive audit -out sky -repair -json
    archive audit -out sky -since sky.audit -save sky.audit
`

const replayManual = `NAME
    archive replay-rejected - try rejected messages again, after a fix

SYNOPSIS
    archive replay-rejected -out DIR [-cause REGEXP] [-registry URL|DIR] [flags]

DESCRIPTION
    Decodes the messages under OUT/rejected again: with newer code, or with a
    registry that has their schemas now. What can be decoded goes to the tables
    under alerts, with the topic, partition, offset and time that it had; the rest
    stays rejected, with a new cause if it was tried. A rejected file that has
    messages that were decoded is replaced by one with the remaining messages, under
    the hour of the replay.

    Each message is in alerts or in rejected, once, even if the process is killed:
    the next start of archive or of replay-rejected resumes the work. While it
    publishes, readers may see a message in both.

    Services, and other replays, may write to the archive at the same time.

FLAGS
    -out DIR            the archive (default "archive")
    -cause REGEXP       try only messages whose cause matches (default: all)
    -registry URL|DIR   writer schemas of Confluent framing, and
    -registry-config FILE
                        the registry's password: see archive -h
    -compression zstd   or snappy, or none
    -workers N          goroutines that decode and encode (default: one for each core)

EXIT STATUS
    0 success, whether or not anything could be decoded; 1 an error; 2 a usage error

EXAMPLES
    archive replay-rejected -out sky -cause 'schema id 1100' -registry https://registry.example.org
`

const listManual = `NAME
    archive ls - list what an archive has

SYNOPSIS
    archive ls -out DIR [-hours] [-json]

DESCRIPTION
    Prints a line for each day and survey: hours with alerts, alerts, files, how many
    of the files a compaction has made, and their size; then the totals. Rejected
    messages are listed as a survey named rejected. Rows that archive prune has
    removed are counted in a column of their own.

    It reads the ledger, not the directories: batches that are not published yet,
    and files that were replaced but not yet deleted, do not count. The archive may be
    in use, or read-only.

FLAGS
    -out DIR    the archive (default "archive")
    -hours      a line for each hour instead of each day
    -json       one JSON object: archive, and hours, a list of objects with table, dir,
                rows, files, compacted, bytes, first, last, published, pruned_rows

EXIT STATUS
    0 success; 1 an error; 2 a usage error

EXAMPLES
    archive ls -out sky
    archive ls -out sky -json | jq '[.hours[].bytes] | add'
`

const compactManual = `NAME
    archive compact - merge the small files of an archive

SYNOPSIS
    archive compact -out DIR [-quiet 1h] [-order time|object|sky] [-size 512MB] [-grace 0s]

DESCRIPTION
    Merges the files of each hour that has been quiet into one, or into several of
    about -size. A query then opens a file for each hour, and not one for each
    batch. The rows stay the same, and stay in the directory of their hour.

    Files of at least half of -size are never read again: if late alerts arrive, only
    the small files are merged. A second run changes nothing. Messages in rejected are
    left alone.

    Every merge is a batch in the archive's ledger: readers of the ledger, such as
    jobs that follow the archive, see each row once at any time. The new files are
    read back and compared with the old ones before these are deleted.

    It may be killed at any time, and the next run continues. It may run while
    services write to the archive, and several may run at once. A service can do the
    same in the background: archive -compact.

FLAGS
    -out DIR            the archive (default "archive")
    -quiet 1h           leave hours alone that got new alerts more recently; 0s: merge
                        every hour
    -order time         keep the rows as they were archived; object: sort each file by
                        object_id and event_time; sky: by position, as HEALPix pixels
    -size 512MB         size of the new files, more or less: from two thirds to one and
                        a half of it
    -grace 0s           keep replaced files for that long, for programs that list the
                        directories and open the files later. Meanwhile programs that
                        read whole directories see rows twice. A later run deletes
                        them
    -compression zstd   or snappy, or none
    -workers N          goroutines that encode (default: one for each core)

EXIT STATUS
    0 success, also if there was nothing to merge; 1 an error: hours whose files are
    damaged or missing are named, the others are merged; 2 a usage error; 130 ended by
    Ctrl-C

EXAMPLES
    archive compact -out sky
    archive compact -out sky -quiet 0s -order object
`

const pruneManual = `NAME
    archive prune - remove the oldest alerts of an archive

SYNOPSIS
    archive prune -out DIR -before YYYY-MM-DD [-n]
    archive prune -out DIR -keep SIZE [-n]

DESCRIPTION
    Removes the alerts of whole hours, the oldest first, from all surveys, and records
    in the ledger that it did. The audit then does not miss them, and jobs that follow
    the archive account for them. They cannot be restored.

    The hours of the last day are never removed, because their alerts may still
    arrive; with -clock night, nor are the last two nights. Rejected messages stay:
    rejected is left alone.

FLAGS
    -out DIR            the archive (default "archive")
    -before YYYY-MM-DD  remove the hours before that date, in UTC
    -keep SIZE          remove hours until the alerts take at most SIZE, like 2TB
    -n                  remove nothing, and say what would be removed

EXIT STATUS
    0 success, also if there was nothing to remove; 1 an error, such as a date within
    the last day; 2 a usage error

EXAMPLES
    archive prune -out sky -keep 2TB -n
    archive prune -out sky -before 2026-01-01
`
