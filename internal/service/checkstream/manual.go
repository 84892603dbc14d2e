package checkstream

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    checkstream - show what an alert stream carries, and store nothing

SYNOPSIS
    checkstream -brokers HOST:PORT -topics NAME,... [flags]
    checkstream -simulator

DESCRIPTION
    Reads alerts from Kafka from now on, until Ctrl-C. It commits no offsets and
    joins no group, so it does not affect other readers.

    On a terminal it draws a table of the partitions, with messages and bytes
    since the start, rates over the last five seconds and the lag: what waits to
    be read. Below are the newest alerts; a terminal of 117 columns or more shows
    their ids as well. The age of an alert is the time since it was sent to Kafka.

    In a pipe it prints one line for each alert, with these tab-separated fields:

        survey, alert id, object id, event time, RA, dec, brightness, its unit
        (mag or nJy), topic, partition, offset, Kafka's time, age in seconds

    An unknown field is empty. A summary is printed to standard error at the end.
    Undecodable messages are printed to standard error with the cause.

FLAGS
` + cli.KafkaManual + `    -registry URL|DIR   writers' schemas of Confluent framing (LSST): a schema
                        registry, or a directory of NAME-ID.avsc files
    -n N                end after N messages
    -for 10s            end after this time
    -interval 500ms     how often to ask Kafka and to draw
    -lines              print lines on a terminal too
    -version            print the version

EXIT STATUS
    0 done, or stopped by Ctrl-C or SIGTERM; 1 an error, in one line on standard
    error; 2 wrong usage

EXAMPLES
    checkstream -brokers kafka:9092 -topics 'ztf_\d{8}_programid1'
    checkstream -kafka-config my.conf -topics 'lsst-.*' -registry http://registry:8081
    checkstream -brokers kafka:9092 -topics alerts -start earliest -n 100 | cut -f 2,5,6
`
