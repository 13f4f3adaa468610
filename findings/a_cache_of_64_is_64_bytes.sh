#!/usr/bin/env bash
# `rasterio.Env(GDAL_CACHEMAX=64)` gives GDAL a block cache of 64 bytes.
#
# With: rasterio 1.4.4 (GDAL 3.10.3)
# Expected: a cache of 64 MB: GDAL's documentation gives small numbers of this option as megabytes, and so does the
# environment variable GDAL_CACHEMAX=64.
# Found: rasterio passes the number to the function that sets bytes, so the cache holds nothing.
# Matters: a compressed tile is decoded again for every window that touches it, without a word, and a program is many
# times slower.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" rasterio==1.4.4 numpy==2.4.6
cat > "$folder/try.py" <<'EOF'
import os
import subprocess
import sys
import time

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

path = f"{sys.argv[1]}/image.tif"


def seconds(**options):
    """Read eight rows at a time from tiles of 512 rows."""
    with rasterio.Env(**options), rasterio.open(path) as file:
        started = time.process_time()
        for row in range(0, 1024, 8):
            file.read(1, window=Window(0, row, 2048, 8))
        return time.process_time() - started


if len(sys.argv) > 2:
    print(seconds())
    sys.exit()
print(f"rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}")
image = np.random.default_rng(0).integers(0, 40, (1, 1024, 2048)).astype(np.uint8)
kind = {"driver": "GTiff", "count": 1, "height": 1024, "width": 2048, "dtype": "uint8"}
kind |= {"crs": "EPSG:32633", "transform": from_origin(4e5, 5e6, 10, 10)}
with rasterio.open(path, "w", tiled=True, blockxsize=512, blockysize=512, compress="deflate", **kind) as file:
    file.write(image)
number = min(seconds(GDAL_CACHEMAX=64) for _ in range(3))
in_bytes = min(seconds(GDAL_CACHEMAX=64_000_000) for _ in range(3))
command = [sys.executable, __file__, sys.argv[1], "variable"]
variable = min(
    float(subprocess.run(command, env={**os.environ, "GDAL_CACHEMAX": "64"}, capture_output=True, check=True).stdout)
    for _ in range(3)
)
print(f"Env(GDAL_CACHEMAX=64): {number:.2f} s; Env(GDAL_CACHEMAX=64_000_000): {in_bytes:.2f} s")
print(f"the environment variable GDAL_CACHEMAX=64: {variable:.2f} s")
assert number > 5 * in_bytes, "a number of 64 now is a cache that holds a tile"
assert variable < number / 5, "the environment variable is no longer megabytes"
EOF
"$folder/env/bin/python" "$folder/try.py" "$folder"
