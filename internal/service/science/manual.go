package science

const manual = `NAME
    science - add science columns to alerts of ZTF

SYNOPSIS
    science -eval ARCHIVE|FILE.parquet -o FILE.parquet

DESCRIPTION
    Writes, for each alert, the plain columns of the input (no packet, history or
    cutouts) and the science columns of ZTF: passes_cuts, nalerthist, roid,
    mag_rate, sigma_rate, delta_time, dc_mag, dc_sigmag, source_behind, age,
    jd_first_real_det, gal_l, gal_b, ecl_lon, ecl_lat, and the flags of transients
    (faint, positivesubtraction, real, pointunderneath, brightstar,
    variablesource, stationary, is_transient). What they mean is in
    alert/science/ztf.yml. Columns that older packets do not have are null.

FLAGS
    -eval PATH          an archive of ZTF, a Parquet file with the columns of ZTF's
                        packets, or a directory of such files
    -o FILE             the Parquet file to write
    -version            print the version

EXIT STATUS
    0 success; 1 an error; 2 a usage error; 130 Ctrl-C
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
