package checkstream

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    checkstream - show the alerts of a stream and store nothing

SYNOPSIS
    checkstream -brokers HOST:PORT -topics NAME,... [flags]
    checkstream -simulator

DESCRIPTION
    Reads new alerts from Kafka until Ctrl-C. It commits no offsets and joins no
    group, so other readers are not affected.

    On a terminal it draws a table of the partitions, with messages since the
    start, rates of the last five seconds and the number of messages not yet read
    (lag), and below it the newest alerts. The age of an alert is the time since
    it was put into Kafka. The table fits 80 columns; a wider terminal shows the
    alerts' ids and dates too.

    In a pipe it prints a line for each alert, with these fields separated by tabs:

        survey, alert id, object id, event time, RA, dec, brightness, its unit
        (mag or nJy), topic, partition, offset, Kafka's time, age in seconds

    Unknown fields are empty. Messages that cannot be decoded are reported on
    standard error, with the cause; at the end a summary follows there.

FLAGS
` + cli.KafkaManualLatest + cli.RegistryManual + cli.WatchManualMemory + `    -n N                exit after N messages
    -for 10s            exit after this time
    -interval 500ms     time between requests to Kafka, and between redraws
    -lines              print lines on a terminal too
    -version            print the version

EXIT STATUS
    0 success, or stopped by Ctrl-C or SIGTERM; 1 an error, in one line on standard
    error; 2 a usage error; 130 Ctrl-C before reading began

EXAMPLES
    checkstream -brokers kafka:9092 -topics 'ztf_\d{8}_programid1'
    checkstream -kafka-config my.conf -topics 'lsst-.*' -registry http://registry:8081
    checkstream -brokers kafka:9092 -topics alerts -start earliest -n 100 | cut -f 2,5,6
`
