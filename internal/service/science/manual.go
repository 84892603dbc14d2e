package science

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    science - what alerts of ZTF may be: science columns, features, cross-match, filters

SYNOPSIS
    science -in ARCHIVE [-out DIR] [-catalog SPEC]... [-filters DIR] [flags]
    science -eval ARCHIVE|FILE.parquet -o FILE.parquet

DESCRIPTION
    Follows an archive, and makes two tables of its ZTF alerts, each alert exactly once,
    however often it is stopped:

        OUT/science/ztf/YYYY/MM/dd/hh/*.parquet   the packet's fields without images
                                                  and history, and what is computed
        OUT/passed/ztf/YYYY/MM/dd/hh/*.parquet    a row for each filter that an alert
                                                  passes

    Computed are the science columns of alert/science/ztf.yml, such as passes_cuts,
    roid, mag_rate, age, gal_b and is_transient; the features of the light curve in g,
    r and i (lc.g.amplitude, ...); and for each catalogue the columns NAME_match
    (match, none, invalid or failed), NAME_separation and those of the nearest row.
    OUT is an archive: archive ls, audit, compact and prune work on it.

    With -eval, it writes the plain columns and the science columns of one table to a
    file.

FLAGS
    -in DIR             the archive to follow
    -out DIR            where the tables go (default "science")
    -catalog SPEC       a catalogue to match with, as for the command crossmatch:
                        'simbad=cds:simbad?radius=1'; may be repeated
    -filters DIR|FILE   filters that tag alerts: files NAME.yml, or fink for the live
                        filters of Fink
    -cuts ztf           leave out alerts with nbad > 0, rb < 0.55 or fid = 3; none keeps
                        all; or a condition, in the language of filters
    -table-version NAME write to science-NAME and passed-NAME: with an OUT of its own, to
                        make the past again with other filters
    -once               do what the archive has now, print a summary, exit
    -from, -to TIME     with -once, limit the alerts to event times from -from until
                        before -to, like 2026-07-01 or 2026-07-01T03:00:00Z
` + cli.WatchManual + `    -progress auto      a line on a terminal, nothing in a pipe; json: an object every
                        second on standard output, the last one is the summary; off
    -eval PATH          one table: an archive of ZTF, a Parquet file with the columns of
                        ZTF's packets, or a directory of such files
    -o FILE             the Parquet file to write with -eval
    -version            print the version

EXIT STATUS
    0 success, or without -once stopped by Ctrl-C or SIGTERM; 1 an error; 2 a usage
    error; 130 Ctrl-C

EXAMPLES
    science -in sky -out sky-science -filters fink -http localhost:5000
    science -in sky -out july -once -from 2026-07-01 -to 2026-08-01
`

const classifyManual = `NAME
    classify - add Fink's class to alerts of ZTF

SYNOPSIS
    classify -eval FILE.parquet -o FILE.parquet

DESCRIPTION
    Writes the plain columns of the input, and the column class: a label of SIMBAD, or
    Unknown, SN candidate, Early SN Ia candidate, Kilonova candidate, Microlensing
    candidate, Solar System MPC, Solar System candidate, Tracklet or Ambiguous, by
    the rules of Fink, which are in alert/filter/fink/class-ztf.yml. The input is
    a science table: it needs the columns candidate, cdsxmatch and roid, and for some
    classes mulens, snn_snia_vs_nonia, snn_sn_vs_all, rf_snia_vs_nonia,
    rf_kn_vs_nonkn and tracklet, which are taken for null if they are missing.

FLAGS
    -eval PATH          a Parquet file, or a directory of such files
    -o FILE             the Parquet file to write
    -version            print the version

EXIT STATUS
    0 success; 1 an error; 2 a usage error; 130 Ctrl-C
`
