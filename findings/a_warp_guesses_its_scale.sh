#!/usr/bin/env bash
# A warp to pixels of the same size, moved by a part of a pixel, blurs or does not blur with the size of the window.
#
# With: rasterio 1.4.4 (GDAL 3.10.3)
# Expected: a WarpedVRT with the file's own CRS and pixel size, moved by a quarter of a pixel, bilinear: each value is the
# weighted mean of the four pixels around it, whatever part of the file the window shows.
# Found: GDAL takes the scale from the sizes of the target and of the source window that it needs for it, margins included.
# Near the file's border the ratio comes out below 0.95, is taken for a reduction, and the kernel becomes wider: of a
# file of 122 pixels, windows of 110 pixels are blurred and windows of 90 or 122 are not. XSCALE=1 and YSCALE=1, options
# of the warp, end the guessing.
# Matters: dates that are registered to a part of a pixel, or read block by block, differ from block to block by more than
# the noise, and nothing warns: it looks like seams.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" rasterio==1.4.4 numpy==2.4.6
cat > "$folder/try.py" <<'EOF'
import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import Affine, from_origin
from rasterio.vrt import WarpedVRT

print(f"rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}")
side, left = 122, 0.25
image = np.random.default_rng(0).integers(500, 3000, (side, side)).astype(np.uint16)
path = Path(sys.argv[1]) / "file.tif"
place = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5.8e6, 10, 10)}
with rasterio.open(path, "w", driver="GTiff", count=1, height=side, width=side, dtype="uint16", **place) as file:
    file.write(image, 1)
wanted = image[:, :-1] * (1 - left) + image[:, 1:] * left


def error(window, **options):
    with rasterio.open(path) as file:
        moved = file.transform @ Affine.translation(left, 0)
        how = {"crs": file.crs, "transform": moved, "height": window, "width": window, "resampling": Resampling.bilinear}
        with WarpedVRT(file, tolerance=1e-6, **how, **options) as warped:
            found = warped.read(1).astype(float)
    inner = slice(5, window - 5)
    return float(np.abs(found - wanted[:window, :window])[inner, inner].max()) if window < side else float(
        np.abs(found[5:-5, 5:-6] - wanted[5:-5, 5:-5]).max()
    )


found = {window: error(window) for window in (90, 110, 122)}
told = {window: error(window, XSCALE="1", YSCALE="1") for window in found}
for window in found:
    print(f"window of {window} px: off by {found[window]:.1f} counts; with XSCALE=1 and YSCALE=1 {told[window]:.1f}")
assert found[90] < 1 and found[110] > 100, found
assert max(told.values()) < 1, told
EOF
"$folder/env/bin/python" "$folder/try.py" "$folder"
