package lightcurve

const manual = `NAME
    lightcurve - compute features of light curves

SYNOPSIS
    lightcurve -curves FILE.parquet -o FILE.parquet

DESCRIPTION
    Reads a table of light curves, one a row: the columns t, m and e are lists of
    doubles with the times in days, the magnitudes or fluxes, and their errors.
    Writes the other columns and 41 features: those of the package light-curve, by
    its names and definitions, such as amplitude and linear_fit_slope. A feature that
    is not defined, such as the slope of one point, is null.

    Points with NaN or null are left out, the others are sorted by time; of equal
    times the first stays.

FLAGS
    -curves FILE        a Parquet file, or a directory of such files
    -o FILE             the Parquet file to write
    -version            print the version

EXIT STATUS
    0 success; 1 an error; 2 a usage error; 130 Ctrl-C
`
