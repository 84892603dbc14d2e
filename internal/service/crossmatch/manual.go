package crossmatch

import "github.com/skyfinch/skyfinch/internal/cli"

const manual = `NAME
    crossmatch - match positions on the sky with catalogues

SYNOPSIS
    crossmatch -positions PATH -catalog [NAME=]WHERE[?OPTION&...] ... [-o FILE] [flags]
    crossmatch                           a demonstration: a dozen bright stars

DESCRIPTION
    Reads a table of positions, of any size, and writes each row with the nearest row
    of each catalogue within a radius:

        NAME_match       match, none, invalid (not a valid position) or failed
        NAME_separation  the separation in arcseconds
        NAME_cause       why it failed
        NAME_COLUMN      the columns of the catalogue's row that columns= names; by
                         default all; from the CDS, by default main_id and otype
                         (simbad) or none (other tables)

    Rows stay in order and none is dropped. Positions are in ICRS. The radius is
    inclusive, the first of equally near rows counts, and separations are correct
    to 1e-9 of their value. The CDS rounds separations to 6 decimals, and makes its
    own choice among equally near rows.

    Tables are CSV (separated by , ; tab or |), Parquet, FITS binary tables or
    VOTables, all but Parquet optionally gzipped; the format is detected from the
    content. Positions are found by the usual names (ra, RAJ2000, _RA, ...) and by
    UCD, in degrees or sexagesimal. Columns of a position that are text, or in a
    unit other than degrees, are kept, and columns NAME_deg are added, or used if
    they exist. A cell that is not an angle makes its position invalid.

CATALOGUES
    WHERE is a file with a table, which is read into memory; a directory with a
    catalogue in HATS, whose partitions are loaded as needed; an index file (see
    -index); or a table of the CDS, which is queried over the network:

        cds:simbad                cds:vizier:I/355/gaiadr3

    NAME is the prefix of the added columns; by default it is the name of the file.
    Quote options for the shell:

        radius=1.5          like -radius, for this catalogue
        columns=Plx,e_Plx   only these columns; for the CDS, the columns to fetch, as
                            text or with a type: Plx:float (or double, int, long, bool)
        ra=NAME&dec=NAME    the columns of the position
        pmra=NAME&pmdec=NAME&epoch=2016
                            proper motions in mas per year (pmra includes the cosine
                            of the declination), and the Julian year of the
                            positions: rows are moved to the -epoch of each
                            position, which must then be known
        size=MajAx*0.5arcmin
                            a radius for each row: a column and its unit, an angle
                            (default 1arcsec); if the column is empty, the search
                            radius applies

FLAGS
    -positions PATH     a file; a directory, such as an archive's, searched for
                        .parquet files; a glob (without **); or - for standard
                        input
    -catalog ...        see above; may be repeated
    -radius 1.5         in arcseconds, or 1.5arcsec, 2arcmin, 0.1deg
    -columns A,B        only these of the positions' columns, besides the position
                        and the time of observation. Fields of nested columns have
                        dotted names: candidate.magpsf. If there are many files,
                        each must have the position; other columns may be missing
    -ra NAME -dec NAME  the columns of the position, if they have unusual names
    -epoch NAME         the column of the time of observation: a timestamp, text like
                        2026-05-05T01:02:03Z, a Julian year, JD or MJD (default
                        event_time, if it exists). none: rows are not moved from
                        the catalogue's epoch
    -all                write all rows of the catalogue within the radius, the
                        nearest first, each with the position. Only for a single
                        catalogue that is a file or an index
    -limit N            with -all, at most N rows for a position
    -retry              -positions is Parquet that crossmatch wrote: match the failed
                        rows again, and keep the others. Give the same catalogues
    -o FILE             a .csv, .tsv or .parquet file, or - for standard output (the
                        default, CSV). The file appears when it is complete: after
                        Ctrl-C or an error, an existing one is unchanged. It must
                        not be an input
    -format csv         format of the output, whatever its name: csv, tsv or parquet
    -index DIR          keep indices of catalogues that are files in this directory,
                        so that they open at once the next time. An index is written
                        again if its table has changed in size or time. An index
                        that is named as a catalogue is refused if its table exists
                        and has changed
    -memory 1GiB        for the loaded partitions of each HATS catalogue (MB is 10^6,
                        MiB and M are 2^20)
    -cds-url URL        an X-Match service other than the one at the CDS
    -progress auto      a line on a terminal, nothing in a pipe; or off
` + cli.WatchManualMemory + `    -version            print the version

    A summary is printed to standard error at the end.

EXIT STATUS
    0 success; 1 an error, or a catalogue failed for some positions: the output says
    which, and why; 2 a usage error; 130 interrupted by Ctrl-C

EXAMPLES
    crossmatch -positions mine.csv -catalog gcvs.fits -o matched.csv
    crossmatch -positions sky/alerts/ztf/2018/11/29 -columns alert_id,candidate.magpsf \
        -catalog 'simbad=cds:simbad?radius=1' \
        -catalog 'gaia=cds:vizier:I/355/gaiadr3?radius=1&columns=Plx:float,e_Plx:float' \
        -o matched.parquet
    crossmatch -positions mine.fits -catalog 'ngc.csv?size=MajAx*0.5arcmin&columns=Name'
    crossmatch -positions mine.parquet -epoch mjd -index ~/.cache/crossmatch \
        -catalog 'gaia=gaia.parquet?pmra=pmra&pmdec=pmdec&epoch=2016'
    crossmatch -retry -positions matched.parquet -catalog 'simbad=cds:simbad?radius=1' \
        -o better.parquet
    zcat mine.csv.gz | crossmatch -positions - -catalog gcvs.fits -o - | head
`
