package lightcurve

const manual = `NAME
    lightcurve - light curves of objects, and their features

SYNOPSIS
    lightcurve -in ARCHIVE -object ID [-o FILE.csv|.parquet|.svg] [-features]
    lightcurve -in ARCHIVE -features -o FILE.parquet
    lightcurve -curves FILE.parquet -o FILE.parquet
    lightcurve -simulator [-o FILE.csv|.parquet|.svg] [-features]

DESCRIPTION
    The light curve of an object is made of all its alerts in an archive and of their
    histories, each point once. It is printed, or written as a table or a picture:
    magnitudes of the difference (ZTF), upside down, or fluxes (LSST); points whose
    alerts would have been left out for bad quality are hollow, upper limits are
    triangles.

    With -features, the features of each band are printed: numbers that tell the shape
    of the curve, those of the package light-curve by its names, such as amplitude
    and linear_fit_slope. A feature that is not defined, such as the slope of one
    point, is empty. Without -object, those of each alert's own packet are
    written, the 26 of Fink, in the column lc with a struct for each band.

    With -curves, it reads a table with a light curve in each row: the columns t, m
    and e are lists of doubles with the times in days, the magnitudes or fluxes, and
    their errors. It writes the other columns and 41 features. Points with NaN or
    null are left out, the others are sorted by time; of equal times the first stays.

FLAGS
    -in PATH            an archive, a Parquet file or a directory of such files with
                        alerts of ZTF or LSST
    -simulator          take a simulated night of ZTF instead of an archive, and, without
                        -object, the object with the longest light curve
    -object ID          the object, such as ZTF18abcdefg
    -features           compute features
    -magnitudes fink    of ZTF's features: fink takes apparent magnitudes if the
                        reference has a source within 1.5" of any point, else those of
                        the difference; or difference, or apparent
    -curves FILE        a table of light curves
    -o FILE             what to write: .csv, .parquet or .svg. The file appears when it
                        is complete.
    -version            print the version

EXIT STATUS
    0 success; 1 an error; 2 a usage error; 130 Ctrl-C

EXAMPLES
    lightcurve -in sky -object ZTF18abcdefg -o curve.svg
    lightcurve -in sky -object ZTF18abcdefg -features
`
