#!/usr/bin/env bash
# A compressed GeoTIFF that does not fit on the disk is written "without an error" when two threads compress it.
#
# With: rasterio 1.4.4 (GDAL 3.10.3)
# Expected: an error, as the same copy gives with one thread.
# Found: the tiles that could not be written are reported by a worker, on stderr at most; the call returns, and a cut
# file stands under the final name. A limit on the size of files stands in for the full disk here.
# Matters: `NUM_THREADS` is what everybody sets to write large images quickly. Read back what was written before it
# replaces anything.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" rasterio==1.4.4 numpy==2.4.6
cat > "$folder/try.py" <<'EOF'
import os
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio import shutil
from rasterio.transform import from_origin

folder, limit = Path(sys.argv[1]), 500_000
print(f"rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}")
image = np.random.default_rng(0).integers(0, 3000, (1024, 1024)).astype(np.uint16)
place = {"crs": "EPSG:32633", "transform": from_origin(4e5, 5e6, 2.5, 2.5)}
kind = {"driver": "GTiff", "width": 1024, "height": 1024, "count": 1, "dtype": "uint16"}
with rasterio.open(folder / "whole.tif", "w", **kind, **place) as file:
    file.write(image, 1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff's own words
said = {}
for threads in (1, 2):
    made = folder / f"{threads}.tif"
    try:
        shutil.copy(
            folder / "whole.tif", made, driver="GTiff", tiled=True, compress="deflate", num_threads=threads
        )
        said[threads] = "no error"
    except Exception as error:
        said[threads] = type(error).__name__
    size = made.stat().st_size if made.exists() else 0
    print(f"{threads} thread(s), no room beyond {limit} bytes: {said[threads]}, {size} bytes written")
assert said[1] != "no error" and said[2] == "no error", "what a full disk does has changed"
EOF
"$folder/env/bin/python" "$folder/try.py" "$folder"
