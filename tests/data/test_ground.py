"""Metres on the ground: known ellipsoids' answers, whatever the coordinates' unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine, from_origin
from rasterio.warp import transform

from satsr.data.ground import footprint, neighbours, pixel_m


def raster(path: Path, crs: str | None, matrix: Affine, shape: tuple[int, int] = (100, 100)) -> Path:
    kind = {"driver": "GTiff", "count": 1, "height": shape[0], "width": shape[1], "dtype": "uint8"}
    with rasterio.open(path, "w", **kind, crs=crs, transform=matrix) as file:
        file.write(np.ones((1, *shape), np.uint8))
    return path


def measured(path: Path) -> tuple[float, float] | None:
    with rasterio.open(path) as file:
        return pixel_m(file)


@pytest.mark.parametrize(
    ("crs", "matrix", "down", "across"),
    [
        # UTM's scale on its central meridian is 0.9996 by definition.
        ("EPSG:32633", from_origin(500_000 - 50, 5_800_000, 1.0, 1.0), 1 / 0.9996, 1 / 0.9996),
        # A US survey foot is 1200/3937 m; the New York plane's scale is 1 to 1e-4 near New York.
        ("EPSG:2263", from_origin(985_000.0, 200_000.0, 0.5, 0.5), 0.5 * 1200 / 3937, 0.5 * 1200 / 3937),
        # WGS 84 at the equator: 110,574 m per degree of latitude, 111,320 m per degree of longitude.
        ("EPSG:4326", from_origin(30.0, 50e-6, 1e-6, 1e-6), 0.110574, 0.111320),
        # Web Mercator at 60 degrees north stretches by about 2: meridian 1.9950, parallel 1.9950 of the ellipsoid.
        ("EPSG:3857", from_origin(0.0, 8_399_787.6, 10.0, 10.0), 5.01, 5.01),
        # Pixels that are not square.
        ("EPSG:32633", from_origin(500_000, 5_800_000, 2.0, 0.5), 0.5 / 0.9996, 2.0 / 0.9996),
        # Turned by 30 degrees: steps keep their lengths.
        ("EPSG:32633", Affine.translation(500_000, 5_800_000) * Affine.rotation(30) * Affine.scale(3, -3), 3.0, 3.0),
    ],
)
def test_a_pixel_is_measured_on_the_ground(
    tmp_path: Path, crs: str, matrix: Affine, down: float, across: float
) -> None:
    found = measured(raster(tmp_path / "a.tif", crs, matrix))
    assert found == pytest.approx((down, across), rel=2e-3)


def test_nothing_is_measured_without_a_place(tmp_path: Path) -> None:
    assert measured(raster(tmp_path / "a.tif", None, from_origin(3, 5, 2, 2))) is None
    with rasterio.open(tmp_path / "a.tif") as file:
        assert footprint(file) is None


def test_two_units_of_one_place_measure_the_same(tmp_path: Path) -> None:
    """The same square of ground in metres and in US survey feet."""
    x, y = transform("EPSG:4326", "EPSG:32618", [-74.0], [40.7])
    x_ft, y_ft = transform("EPSG:4326", "EPSG:2263", [-74.0], [40.7])
    metres = measured(raster(tmp_path / "m.tif", "EPSG:32618", from_origin(x[0], y[0], 0.6, 0.6)))
    feet = measured(
        raster(tmp_path / "f.tif", "EPSG:2263", from_origin(x_ft[0], y_ft[0], 0.6 * 3.28083333, 0.6 * 3.28083333))
    )
    assert metres == pytest.approx(feet, rel=1e-3)


def square(path: Path, longitude: float, latitude: float, side_m: float = 200.0) -> Path:
    zone = 32600 + int((longitude + 180) % 360 // 6) + 1
    (x,), (y,) = transform("EPSG:4326", f"EPSG:{zone}", [longitude], [latitude])
    return raster(path, f"EPSG:{zone}", from_origin(x, y, side_m / 100, side_m / 100))


def groups(tmp_path: Path, *places: tuple[float, float], within_m: float = 100.0) -> list[int]:
    shapes = []
    for number, place in enumerate(places):
        with rasterio.open(square(tmp_path / f"{number}.tif", *place)) as file:
            shapes.append(footprint(file))
    return neighbours(shapes, within_m).tolist()


def test_what_overlaps_or_lies_close_is_one_group(tmp_path: Path) -> None:
    """At 60 degrees north 0.001 degrees of longitude are 56 m, so images lie 0, 100, 80 and 1,000 m apart."""
    one, overlapping, close, far = (10.0, 60.0), (10.0018, 60.0), (10.0068, 60.0), (10.0284, 60.0)
    assert len(set(groups(tmp_path, one, overlapping))) == 1
    assert len(set(groups(tmp_path, overlapping, close))) == 1
    assert len(set(groups(tmp_path, one, close))) == 2
    found = groups(tmp_path, one, overlapping, close, far)
    assert found[0] == found[1] == found[2] != found[3]  # one and close are neighbours by what lies between them


def test_neighbours_of_two_zones_and_across_the_180th_meridian(tmp_path: Path) -> None:
    assert len(set(groups(tmp_path, (5.9985, 50.0), (6.0005, 50.0)))) == 1  # zones 31 and 32
    assert len(set(groups(tmp_path, (179.9985, 50.0), (-179.9995, 50.0)))) == 1
    assert len(set(groups(tmp_path, (179.9, 50.0), (-179.9, 50.0)))) == 2


def test_what_is_not_known_is_nobodys_neighbour() -> None:
    assert neighbours([None, None], 100.0).tolist() == [0, 1]
    assert neighbours([], 100.0).tolist() == []
