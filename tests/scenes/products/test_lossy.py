"""Files whose compression changed their numbers are named; those that keep them are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from satsr.scenes.products import open_product, series
from tests.made.make_safe import Made, write
from tests.scenes.products.wrappings import tiff

RGB = ("B02", "B03", "B04")


def squeeze(file: Path) -> None:
    """Write a raster again, with loss."""
    with rasterio.open(file) as source:
        profile, image = source.profile, source.read()
    kept = {name: profile[name] for name in ("driver", "count", "height", "width", "dtype", "crs", "transform")}
    with rasterio.open(file, "w", **kept, QUALITY=30, REVERSIBLE="NO", YCBCR420="NO") as out:
        out.write(image)


@pytest.mark.parametrize("level", ["1C", "2A"])
def test_lossless_is_not_spoken_of(tmp_path: Path, level: str) -> None:
    safe = write(tmp_path, Made(level=level))
    assert open_product(safe).lossy == ()
    assert "lossy" not in series([safe]).summary()


def test_lossy_bands_and_masks_are_named(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(level="2A", bands=(*RGB, "B08")))
    for name in ("_B03_10m", "_B08_10m"):
        squeeze(next(safe.rglob(f"*{name}.jp2")))
    assert set(open_product(safe).lossy) == {"b03", "b08"}
    reason = series([safe]).used[0].reason
    assert reason.endswith("; lossy compression changed b03")  # only what is used
    squeeze(next(safe.rglob("*_SCL_20m.jp2")))
    reason = series([safe]).used[0].reason
    assert reason.endswith("; lossy compression changed b03; lossy compression changed the classes of scl")


def test_a_lossy_mask_of_level_1c_and_a_given_one_are_named(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(bands=RGB))
    squeeze(next(safe.rglob("MSK_CLASSI_B00.jp2")))
    assert "changed the classes of CLASSI" in series([safe]).used[0].reason
    assert "lossy" not in series([safe], clouds="none").used[0].reason
    mask = tiff(tmp_path / "clouds.tif", Made(), np.zeros((96, 96), np.uint8), compress="jpeg")
    assert "changed the classes of clouds.tif" in series([safe], clouds=[mask]).used[0].reason


@pytest.mark.parametrize(("how", "lossy"), [({"compress": "deflate"}, False), ({"compress": "lerc"}, False)])
def test_tiffs(tmp_path: Path, how: dict[str, object], lossy: bool) -> None:
    image = np.full((96, 96), 1779, np.uint16)
    file = tiff(tmp_path / "T33UUU_20200611T102101_B04.tif", Made(), image, **how)
    assert bool(open_product(file, level="L1C", offset=0).lossy) == lossy
    other = tiff(tmp_path / "T33UUU_20200612T102101_B04.tif", Made(), image, compress="lerc", MAX_Z_ERROR=3)
    assert open_product(other, level="L1C", offset=0).lossy == ("b04",)
