"""Writes Parquet files with every codec, page version and dictionaries or not."""
import os, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

out, n = sys.argv[1], 20000
i = np.arange(n)
t = pa.table({
    "ra": i / n * 360, "dec": pa.array((i % 180 - 90).astype("float32")), "const": pa.array([7] * n, pa.int32()),
    "cat": pa.array(["abc", "de", None, "f"] * (n // 4)).dictionary_encode(), "text": pa.array(["%032d" % k for k in i]),
    "flag": pa.array([True, False] * (n // 2)), "time": pa.array(i, pa.timestamp("us", "UTC")), "null": pa.array([None] * n, pa.int16()),
    "u8": pa.array(i % 200, pa.uint8()), "large": pa.array(["x"] * n, pa.large_string()), "bytes": pa.array([b"\xff"] * n),
    "struct": pa.array([{"a": 1}] * n), "list": pa.array([[1, 2]] * n),
})
for codec in ["none", "snappy", "zstd", "gzip", "brotli"]:
    for version in ["1.0", "2.0"]:
        for dictionary in [True, False]:
            pq.write_table(t, f"{out}/{codec}-{version}-{dictionary}.parquet", compression=codec, data_page_version=version,
                           use_dictionary=dictionary, row_group_size=7000)
pq.write_table(t.select(["ra", "dec", "text"]), f"{out}/delta.parquet", use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})
pq.write_table(t.select(["ra", "dec"]), f"{out}/split.refused", use_dictionary=False, column_encoding={"ra": "BYTE_STREAM_SPLIT"})
