package filter

const manual = `NAME
    filter - test filters, and tell what they would have passed

SYNOPSIS
    filter test  [-filters DIR] [-in ARCHIVE]
    filter count -in ARCHIVE|TABLE [-filters DIR] [-from TIME] [-to TIME] [-nights] [-json]
    filter why   -in ARCHIVE|TABLE -filter NAME -alert ID [-filters DIR]
    filter eval  -in FILE.parquet [-filters DIR] [-o FILE.csv]
    filter sql   NAME -in ARCHIVE|TABLE [-filters DIR] [-columns LIST]

DESCRIPTION
    A filter says which alerts are wanted: a file NAME.yml with a condition in a
    subset of SQL, and alerts that must pass and that must not. The page about it is
    alert/filter/LANGUAGE.md. An archive is what the command archive writes; a table
    is a Parquet file, or a directory of them.

    test    judges the alerts in the filters' own files: those that are written out,
            and with -in those that are named by their ids. A filter without an
            alert that passes and one that fails fails the test.
    count   counts the alerts and the objects that each filter would have passed,
            with the newest examples, and says which filters would pass more than
            their max_share of the last night. Each alert is judged by its own
            packet, so the history ends at the time of the alert. Filters whose
            columns the table does not have are listed as not evaluated.
    why     shows how a filter judges an alert: each part with its value, which is
            true, false or null for conditions.
    eval    writes a line row,filter,passes for each row of the table and each
            filter, in CSV. Rows are numbered from 0.
    sql     prints a filter as a query for DuckDB 1.3 or later, with the same
            verdicts.

    Watchlists of filters are matched with the alerts first.

FLAGS
    -filters DIR|FILE   the filters: all files *.yml of a directory and those below
                        it, or one file (default "fink": the live filters of Fink,
                        which are part of this program)
    -survey NAME        only the filters for this survey: ztf or rubin. Filters for
                        another survey than the table's are left out anyway
    -in PATH            an archive, a Parquet file or a directory of such files
    -from, -to TIME     limit an archive to the event times from -from until before
                        -to, like 2026-07-01 or 2026-07-01T03:00:00Z
    -nights             a line for each night too
    -json               print JSON
    -o FILE             where the lines go (default "-": standard output)
    -columns LIST       what the query selects (default "*")
    -version            print the version

EXIT STATUS
    0 success; 1 an error, or filters that fail their tests; 2 a usage error; 130
    Ctrl-C

EXAMPLES
    filter test -filters my-filters
    filter count -in sky -filters my-filters -from 2026-07-01 -to 2026-08-01
    filter why -in sky -filter kn_candidates -alert 2475433850015010009
    filter sql blazar -in sky -columns alert_id,ra,dec | duckdb
`
