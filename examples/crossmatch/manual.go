package main

const manual = `NAME
    crossmatch - find what catalogues have at positions on the sky

SYNOPSIS
    crossmatch -positions PATH -catalog [NAME=]WHERE[?OPTION&...] ... [-o FILE] [flags]
    crossmatch                           a demonstration: a dozen bright stars

DESCRIPTION
    Reads a table with positions, of any size, and writes its rows, each with what
    every catalogue has nearest to it within a radius:

        NAME_match       match, none, invalid (its position is), or failed
        NAME_separation  arcseconds
        NAME_cause       why it failed
        NAME_COLUMN      the columns of the catalogue's row: those of columns=; without
                         it all, but of the CDS main_id and otype of simbad, and none
                         of other tables

    Rows stay in their order and none is left out. Positions are in ICRS. The radius
    is inclusive, of rows that are equally near the first one counts, and separations
    are right to 1e-9 of their value. The CDS has its own way: it gives separations
    with 6 decimals, and chooses among rows that are equally near by itself.

    Tables are CSV (with , ; tab or | between), Parquet, FITS binary tables or
    VOTables, all but Parquet also gzipped; which it is shows in the first bytes.
    Positions are found by the usual names (ra, RAJ2000, _RA, ...) and by UCD, in
    degrees or sexagesimal.

CATALOGUES
    WHERE is a file with a table, which is held in memory; a directory with a
    catalogue in HATS, of which the parts that are needed are loaded; an index file
    (see -index); or a table of the CDS, asked over the network:

        cds:simbad                cds:vizier:I/355/gaiadr3

    NAME begins the names of the columns; without it, it is the file's. Options,
    for which the shell wants quotes around it all:

        radius=1.5          as -radius, for this catalogue
        columns=Plx,e_Plx   only these; for the CDS the columns to fetch, as text
                            or of a type: Plx:float (or double, int, long, bool)
        ra=NAME&dec=NAME    the columns of its position
        pmra=NAME&pmdec=NAME&epoch=2016
                            proper motions in mas a year, that in right ascension
                            with the cosine of the declination, and the Julian
                            year of the positions: rows are moved to the -epoch of
                            each position, which must be known then
        size=MajAx*0.5arcmin
                            rows with a radius of their own: a column, and how
                            much one of it is (1arcsec, if not given); where it
                            is empty it is the radius of all

FLAGS
    -positions PATH     a file, or many: a directory (of an archive, say), searched
                        for .parquet, or a glob
    -catalog ...        as above; more than one may be given
    -radius 1.5         in arcseconds, or 1.5arcsec, 2arcmin, 0.1deg
    -columns A,B        of the positions' columns, only these, the position and the
                        time of observation. Of many files each is to have the
                        position: what else one lacks is empty
    -ra NAME -dec NAME  the columns of the position, if they are not found
    -epoch NAME         the column of the time of observation: a timestamp, text as
                        2026-05-05T01:02:03Z, a Julian year, JD or MJD (default
                        event_time, if it is there). none: rows of catalogues are
                        left where they were at the catalogue's epoch
    -all                all of the catalogue's rows within the radius, the nearest
                        first: a position comes once for each of them. For one
                        catalogue that is a file or an index
    -limit N            with -all, at most N of a position
    -retry              -positions is Parquet that crossmatch wrote: match the rows
                        that are failed, and keep the others. Give the same
                        catalogues
    -o FILE             .csv, .tsv or .parquet (default: CSV on standard output). It
                        is there when it is whole: after Ctrl-C or an error a file
                        that was there before is as it was. It must not be one
                        that is read
    -index DIR          keep indices of catalogues that are files in a directory:
                        the next time they open at once. Whose table has changed,
                        in size or time, is made anew. An index that is named as a
                        catalogue itself is refused if its table is there and has
                        changed
    -memory 1GiB        what parts of a HATS catalogue may take, of each if there are
                        many
    -cds-url URL        another X-Match service than that of the CDS
    -progress auto      a line on a terminal, nothing in a pipe; off

    The numbers come on standard error in the end.

EXIT STATUS
    0 done; 1 an error, or a catalogue failed for some positions: what was written
    says which, and why; 2 wrong usage

EXAMPLES
    crossmatch -positions mine.csv -catalog gcvs.fits -o matched.csv
    crossmatch -positions sky/alerts/ztf/2018/11/29 -columns alert_id,object_id \
        -catalog 'simbad=cds:simbad?radius=1' \
        -catalog 'gaia=cds:vizier:I/355/gaiadr3?radius=1&columns=Plx:float,e_Plx:float' \
        -o matched.parquet
    crossmatch -positions mine.fits -catalog 'ngc.csv?size=MajAx*0.5arcmin&columns=Name'
    crossmatch -positions mine.parquet -epoch mjd -index ~/.cache/crossmatch \
        -catalog 'gaia=gaia.parquet?pmra=pmra&pmdec=pmdec&epoch=2016'
    crossmatch -retry -positions matched.parquet -catalog 'simbad=cds:simbad?radius=1' \
        -o better.parquet
`
