package simulate

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    simulate - send simulated or real alerts to a Kafka topic

SYNOPSIS
    simulate -brokers HOST:PORT,... -topic NAME [-survey ztf|lsst] [flags]
    simulate -brokers HOST:PORT,... -topic NAME -replay PATH,... [flags]

DESCRIPTION
    Makes the alerts of a night and sends them as the survey does: ZTF's as whole
    Avro containers, LSST's in Confluent's framing with schema id 900. They have
    all fields of real alerts and show supernovae, variable stars, asteroids and
    bogus detections, with histories that agree with earlier alerts. Equal flags
    send equal alerts.

    With -replay it sends real packets from files. LSST's packets get Confluent's
    framing, with ids above 100000 for schemas that have none.

    The topic is created if it does not exist. The command ends after the night,
    after the files, or with Ctrl-C.

FLAGS
    -brokers HOST:PORT,...
                        some brokers of the cluster; they name the others
    -kafka-config FILE  a properties file, as for Kafka's own tools:
                        bootstrap.servers, security.protocol, sasl.*, ssl.*
    -topic NAME         where to send
    -partitions N       partitions of a new topic (default 4; 0: the broker's default)
    -compression CODEC  none (default), gzip, snappy, lz4 or zstd
    -rate N|max         alerts per second (default 100)
    -speed X            instead of -rate: send at X times the pace of the alerts' times
    -n N                send N alerts, through several nights or repeating the files;
                        0 (default): one night, or the files once; -1: without end
    -seed N             each number makes a different sky (default 1)
    -schemas DIR        write the schemas of LSST's alerts there, as a registry for
                        the topic's readers: archive -registry DIR
` + cli.WatchManualMemory + `    -version            print the version and end

  for simulated nights
    -survey ztf|lsst    the survey (default ztf)
    -alerts N           alerts per night (default 10000)
    -start TIME         when the first night begins, like 2026-09-15T03:00:00Z, or now
    -night DURATION     how long a night lasts (default 8h)

  for replayed packets
    -replay PATH,...    files, directories (searched for .avro .bin .tar .tar.gz
                        .tgz), globs (** too), tarballs of a night
    -vary               give each packet a new id, time, position and cutout noise,
                        so that none repeats: times from -start on, over -night
                        (default 6h)
    -registry URL|DIR   for -vary and -speed: the schemas of packets that have
                        Confluent's framing already
    -registry-config FILE
                        the registry's password: see archive -h

EXIT STATUS
    0 success, or stopped by Ctrl-C or SIGTERM; 1 an error, in one line on standard
    error; 2 a usage error; 130 Ctrl-C before sending began

EXAMPLES
    simulate -brokers localhost:9092 -topic ztf_20260915_programid1 -rate 20
    simulate -brokers localhost:9092 -topic lsst-alerts-v9.0 -survey lsst -rate max -schemas schemas
    simulate -brokers localhost:9092 -topic live -start now -alerts 2880000 -rate 100 -n -1
    simulate -brokers localhost:9092 -topic load -replay ztf_public_20181129.tar.gz -vary -rate max -n 20000
`
