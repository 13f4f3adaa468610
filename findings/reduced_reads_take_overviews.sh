#!/usr/bin/env bash
# A read of rasterio to a smaller `out_shape` takes an overview where the file has one, whatever `resampling` says, and
# of a JPEG 2000 file a wavelet level whose pixels lie beside their place.
#
# With: rasterio 1.4.4 (GDAL 3.10.3)
# Expected: means over areas: `read(out_shape=..., resampling=Resampling.average)` reads as that.
# Found: of a GeoTIFF with overviews (every cloud-optimised one) it is what whoever made the overviews left in them:
# with nearest neighbour every second pixel. Of a lossless JPEG 2000 file, which has smaller levels inside without being
# told, the picture is moved by (k - 1) / 2 full-resolution pixels at a reduction by k: half a pixel at 2, one and a
# half at 4. A dataset opened with OVERVIEW_LEVEL=NONE, or means made from a full read, are right.
# Matters: the same pixels give another picture with and without overviews, and a Sentinel-2 band of 10 m that is read
# at 20 m lies 5 m beside one of 20 m.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" rasterio==1.4.4 numpy==2.4.6 scipy==1.17.1
cat > "$folder/try.py" <<'EOF'
import sys
import warnings
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from scipy.ndimage import gaussian_filter

warnings.filterwarnings("ignore")
print(f"rasterio {rasterio.__version__}, GDAL {rasterio.__gdal_version__}")
folder, side = Path(sys.argv[1]), 1024
noise = gaussian_filter(np.random.default_rng(0).standard_normal((side, side)), 1)
image = np.clip(128 + 90 * noise / noise.std() / 3, 1, 255).astype(np.uint8)


def write(name, driver, **how):
    place = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5.8e6, 1, 1)}
    kind = {"count": 1, "height": side, "width": side, "dtype": "uint8"}
    with rasterio.open(folder / name, "w", driver=driver, **kind, **place, **how) as file:
        file.write(image, 1)
    return folder / name


def smaller(path, by, **how):
    with rasterio.open(path, **how) as file:
        return file.read(1, out_shape=(side // by,) * 2, resampling=Resampling.average).astype(float)


def rms(a, b):
    return float(np.sqrt(np.mean((a - b) ** 2)))


def means(by):
    return image.reshape(side // by, by, side // by, by).mean(axis=(1, 3))


plain, other = (write(f"{name}.tif", "GTiff", tiled=True) for name in ("plain", "other"))
with rasterio.open(other, "r+") as file:
    file.build_overviews([2, 4], Resampling.nearest)
without, with_them = rms(smaller(plain, 4), means(4)), rms(smaller(other, 4), means(4))
told = rms(smaller(other, 4, OVERVIEW_LEVEL="NONE"), means(4))
print(f"GeoTIFF, by 4: {without:.1f} levels from means without overviews, {with_them:.1f} with them, {told:.1f} when told to pass over them")

# A smooth hill says where pixels lie: its centre of mass in the reduced read, in full-resolution pixels.
y, x = np.mgrid[:side, :side]
image = (250 * np.exp(-((x - 500.0) ** 2 + (y - 500.0) ** 2) / 2 / 60**2)).astype(np.uint8)
hill = write("hill.jp2", "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
moved = {}
for by in (2, 4):
    seen = smaller(hill, by)
    at = (np.arange(side // by) + 0.5) * by - 0.5
    moved[by] = float((seen.sum(axis=0) * at).sum() / seen.sum()) - 500
    print(f"JPEG 2000, by {by}: the hill lies {moved[by]:+.2f} px from its place")
assert without < 0.6 and told < 0.6 and with_them > 5, "reduced reads no longer take overviews"
assert abs(moved[2] - 0.5) < 0.1 and abs(moved[4] - 1.5) < 0.1, "wavelet levels now lie at their place"
EOF
"$folder/env/bin/python" "$folder/try.py" "$folder"
