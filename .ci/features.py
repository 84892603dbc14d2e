"""Times the package light-curve on curves like those of BenchmarkFeatures.

    features.py ORACLE          prints the microseconds a curve of 10, 30 and 100 points
"""

import sys
import time

import numpy as np

sys.path.insert(0, sys.argv[1])
from features_check import extractor

rng, extract = np.random.default_rng(1), extractor()
for n in (10, 30, 100):
    curves = [(np.cumsum(0.01 + rng.exponential(size=n)), 18 + rng.normal(size=n), rng.uniform(0.05, 0.15, size=n)) for _ in range(1000)]
    best = 1e9
    for _ in range(15):
        begun = time.perf_counter()
        extract.many(curves, n_jobs=1, sorted=True, check=False)
        best = min(best, time.perf_counter() - begun)
    print(n, f"{1e3 * best:.3f}")
