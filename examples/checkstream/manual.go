package main

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    checkstream - show what comes over an alert stream, and keep nothing

SYNOPSIS
    checkstream -brokers HOST:PORT -topics NAME,... [flags]
    checkstream -simulator

DESCRIPTION
    Reads alerts from Kafka from now on, until Ctrl-C. It commits no offsets and
    joins no group: nobody else notices.

    On a terminal it draws a table of the partitions, with messages and bytes
    since the start, rates of the last five seconds and what waits to be read
    (lag), and below it the newest alerts. The age of an alert is the time since
    it was put into Kafka.

    In a pipe it prints a line for each alert as it comes, with tabs between

        survey, alert id, object id, event time, RA, dec, brightness, its unit
        (mag or nJy), topic, partition, offset, Kafka's time, age in seconds

    where a field that is not known is empty, and a summary on standard error in
    the end. Messages that cannot be decoded go to standard error, with the cause.

FLAGS
` + cli.KafkaManual + `    -registry URL|DIR   writers' schemas of Confluent framing (LSST): a schema
                        registry, or a directory of NAME-ID.avsc files
    -n N                end after N messages
    -for 10s            end after a time
    -interval 500ms     how often to ask Kafka and to draw
    -lines              lines on a terminal too

EXIT STATUS
    0 done, or stopped by Ctrl-C or SIGTERM; 1 an error, in one line on standard
    error; 2 wrong usage

EXAMPLES
    checkstream -brokers kafka:9092 -topics 'ztf_\d{8}_programid1'
    checkstream -kafka-config my.conf -topics 'lsst-.*' -registry http://registry:8081
    checkstream -brokers kafka:9092 -topics alerts -start earliest -n 100 | cut -f 2,5,6
`
