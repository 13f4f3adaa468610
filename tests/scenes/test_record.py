"""The record tells all that went in and no path; its STAC item is valid, and says where the image lies."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from pystac.validation import JsonSchemaSTACValidator
from rasterio.crs import CRS

from satsr.common.digests import file_digest
from satsr.scenes.footprint import footprint
from satsr.scenes.item import EXTENSIONS, item_text
from satsr.scenes.record import SYNTHETIC, TAG, Input, Model
from tests.scenes.blocks import CORNER, SHAPE, finished, record

UTM_33 = CRS.from_epsg(32633)
NUMBERS = {"type": "array", "items": {"type": "number"}}
BAND = {
    "type": "object",
    "required": ["data_type", "scale", "offset", "spatial_resolution"],
    "properties": {
        "data_type": {"enum": ["int8", "int16", "uint8", "uint16", "float32"]},
        "nodata": {"oneOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]},
        "scale": {"type": "number"},
        "offset": {"type": "number"},
        "unit": {"type": "string"},
        "sampling": {"enum": ["area", "point"]},
        "spatial_resolution": {"type": "number", "exclusiveMinimum": 0},
    },
}


def fields_schema(prefix: str, known: dict[str, Any]) -> dict[str, Any]:
    """As the published schemas do it: fields of the prefix are the known ones, others are anybody's."""
    return {
        "type": "object",
        "properties": known,
        "patternProperties": {f"^(?!{prefix}:)": {}},
        "additionalProperties": False,
    }


def extension(uri: str, of_item: dict[str, Any], of_asset: dict[str, Any]) -> dict[str, Any]:
    assets = {"type": "object", "additionalProperties": of_asset}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"{uri}#",
        "type": "object",
        "required": ["stac_extensions"],
        "properties": {"properties": of_item, "assets": assets, "stac_extensions": {"contains": {"const": uri}}},
    }


# Written from the specifications of the extensions' versions that the item names.
FILE = {"file:checksum": {"type": "string", "pattern": "^1220[a-f0-9]{64}$"}, "file:size": {"type": "integer"}}
PROCESSING = {
    "processing:lineage": {"type": "string"},
    "processing:software": {"type": "object", "additionalProperties": {"type": "string"}},
}
PROJECTION = {
    "proj:code": {"type": ["string", "null"], "pattern": "^[A-Z]+:[0-9]+$"},
    "proj:epsg": {"type": ["integer", "null"]},
    "proj:wkt2": {"type": ["string", "null"]},
    "proj:shape": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer"}},
    "proj:transform": {**NUMBERS, "oneOf": [{"minItems": n, "maxItems": n} for n in (6, 9)]},
}
RASTER = {"raster:bands": {"type": "array", "minItems": 1, "items": BAND}}
SCHEMAS = {
    uri: extension(uri, fields_schema(prefix, known if at == "item" else {}), fields_schema(prefix, known))
    for uri, prefix, at, known in zip(
        EXTENSIONS,
        ("file", "processing", "proj", "raster"),
        ("asset", "item", "item", "asset"),
        (FILE, PROCESSING, PROJECTION, RASTER),
        strict=True,
    )
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("image") / "OUT.tif")


@pytest.fixture(scope="module")
def item(image: Path) -> dict[str, Any]:
    return dict(json.loads(image.with_suffix(".json").read_text()))


def offline() -> JsonSchemaSTACValidator:
    """pystac's validator with the core schemas that it brings, and those above; it can fetch nothing."""
    validator = JsonSchemaSTACValidator()
    validator.schema_cache |= SCHEMAS
    return validator


def test_pystac_reads_the_item_and_finds_it_valid(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pystac.StacIO, "default", lambda: pytest.fail("a schema was fetched"))
    text = image.with_suffix(".json").read_text()
    validated = pystac.validation.validate_dict(json.loads(text), validator=offline())
    assert validated == ["https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json", *EXTENSIONS]


def test_pystac_finds_the_image_and_its_place(image: Path) -> None:
    read = pystac.Item.from_file(str(image.with_suffix(".json")))
    asset = read.assets["data"]
    assert (asset.get_absolute_href(), asset.media_type, asset.roles) == (str(image), pystac.MediaType.COG, ["data"])
    assert (read.ext.proj.code, read.ext.proj.shape) == ("EPSG:32633", list(SHAPE))
    assert [link.target for link in read.get_links("derived_from")] == [
        "S2A_MSIL2A_20200601.SAFE",
        "S2B_MSIL2A_20200606.SAFE",
    ]


def test_the_schemas_see_what_is_wrong(item: dict[str, Any]) -> None:
    asset = item["assets"]["data"]
    for wrong in (
        {**item, "assets": {"data": {**asset, "file:checksum": "00"}}},
        {**item, "assets": {"data": {**asset, "raster:bands": [{"data_type": "uint7"}]}}},
        {**item, "properties": {**item["properties"], "proj:shape": [1]}},
        {**item, "properties": {**item["properties"], "processing:made": "x"}},
        {**item, "bbox": [1, 2]},
    ):
        with pytest.raises(pystac.STACValidationError):
            pystac.validation.validate_dict(wrong, validator=offline())


def test_the_item_says_what_the_file_is(image: Path, item: dict[str, Any]) -> None:
    asset, properties = item["assets"]["data"], item["properties"]
    assert asset["file:checksum"] == "1220" + file_digest(image)
    assert asset["file:size"] == image.stat().st_size
    assert (properties["proj:code"], properties["proj:epsg"]) == ("EPSG:32633", 32633)
    assert properties["proj:transform"] == [2.5, 0.0, CORNER[0], 0.0, -2.5, CORNER[1]]
    assert [band["name"] for band in asset["bands"]] == ["red", "green", "blue", "b08"]
    expected = {"data_type": "uint16", "scale": 1e-4, "offset": 0.0, "sampling": "area", "spatial_resolution": 2.5}
    assert asset["raster:bands"] == [expected] * 4
    assert (properties["satsr:synthetic"], properties["satsr:statement"]) == (True, SYNTHETIC)
    assert "gsd" not in properties  # what the sensor saw is no finer than before


def test_the_record_is_in_the_image_too(image: Path, item: dict[str, Any]) -> None:
    with rasterio.open(image) as file:
        tags = file.tags()
    assert json.loads(tags[TAG]) == item["properties"]["satsr:record"] == record().facts()
    assert tags["TIFFTAG_SOFTWARE"] == "satsr 0.1.0 (abc)"
    assert tags["TIFFTAG_IMAGEDESCRIPTION"] == f"Rügen <& more>: {SYNTHETIC}"


def test_time_of_several_dates_and_of_one(image: Path, item: dict[str, Any]) -> None:
    properties = item["properties"]
    assert properties["datetime"] is None
    assert (properties["start_datetime"], properties["end_datetime"]) == (
        "2020-06-01T00:00:00Z",
        "2020-06-06T23:59:59Z",
    )
    one = json.loads(item_text(image, record(dates=(date(2020, 6, 1),) * 2)))["properties"]
    assert one["datetime"] == "2020-06-01T00:00:00Z"
    known = json.loads(item_text(image, record(dates=(datetime(2020, 6, 1, 10, 20, 30, tzinfo=UTC),))))["properties"]
    assert known["datetime"] == known["end_datetime"] == "2020-06-01T10:20:30Z"
    with pytest.raises(ValueError, match="got a record without dates"):
        item_text(image, record(dates=()))


def raster_of(path: Path, **facts: Any) -> Path:
    kind = {"driver": "GTiff", "width": 2, "height": 2, "count": 3, "dtype": "uint8", "photometric": "RGB"}
    place = {"crs": UTM_33, "transform": Affine(10, 0, 4e5, 0, -10, 5e6)}
    with rasterio.open(path, "w", **{**kind, **place, **facts}) as file:
        file.write(np.zeros((file.count, 2, 2), file.dtypes[0]))
    return path


@pytest.mark.parametrize(
    ("facts", "roles", "nodata"),
    [
        ({}, ["data", "visual"], None),
        ({"nodata": 0}, ["data", "visual"], 0),
        ({"dtype": "float32", "nodata": float("nan")}, ["data"], "nan"),
    ],
)
def test_no_data_and_what_is_made_for_the_eye(tmp_path: Path, facts: Any, roles: list[str], nodata: Any) -> None:
    asset = json.loads(item_text(raster_of(tmp_path / "a.tif", **facts), record()))["assets"]["data"]
    assert asset["roles"] == roles
    assert (asset["bands"][0].get("nodata"), asset["raster:bands"][0].get("nodata")) == (nodata, nodata)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (Path("/home/ann/scenes/A.SAFE"), "A.SAFE"),
        (Path("below/A.SAFE"), "A.SAFE"),
        (PureWindowsPath(r"C:\Users\Ann B\A.SAFE"), "A.SAFE"),
        ("/home/ann b/A.SAFE", "A.SAFE"),
        ("~/A.SAFE", "A.SAFE"),
        (r"C:\Users\Ann B\A.SAFE", "A.SAFE"),
        ("file:///home/ann/A.SAFE", "A.SAFE"),
        ("trained on /home/ann/set/pairs.csv, and ~/b/c.csv", "trained on pairs.csv, and c.csv"),
        ("'/root/x/y.pt'", "'y.pt'"),
        ("weights=/root/x/y.pt", "weights=y.pt"),
        ("https://example.org/a/b.pt", "https://example.org/a/b.pt"),
        ("S2-NAIP/train, and/or 10 m / 2.5 m", "S2-NAIP/train, and/or 10 m / 2.5 m"),
        (("/tmp/a", {"/tmp/b": [Path("/tmp/c")]}), ["a", {"b": ["c"]}]),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (float("nan"), "nan"),
        (date(2020, 1, 2), "2020-01-02"),
        (None, None),
    ],
)
def test_no_path_is_told(given: Any, kept: Any) -> None:
    assert record(options={"x": given}).facts()["options"]["x"] == kept
    assert record(model=Model("m", "0", {"x": given})).facts()["model"]["card"]["x"] == kept


def test_an_input_is_told_by_name() -> None:
    facts = record(inputs=(Input("/home/ann/A.SAFE", "ab", date(2020, 1, 1)),)).facts()
    assert facts["inputs"] == [{"name": "A.SAFE", "sha256": "ab", "day": "2020-01-01", "use": "used"}]


def on_sphere_free(easting: float, northing: float, meridian: float) -> tuple[float, float]:
    """Return longitude and latitude of a UTM point by Krüger's series (1912, to the third power of n), on WGS 84."""
    flat = 1 / 298.257223563
    n = flat / (2 - flat)
    radius = 6_378_137 / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    xi, eta = northing / (0.9996 * radius), (easting - 500_000) / (0.9996 * radius)
    beta = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    turned = xi + 1j * eta
    turned -= sum(b * np.sin(2 * (k + 1) * (xi + 1j * eta)) for k, b in enumerate(beta))
    chi = np.arcsin(np.sin(turned.real) / np.cosh(turned.imag))
    delta = (2 * n - 2 * n**2 / 3 - 2 * n**3, 7 * n**2 / 3 - 8 * n**3 / 5, 56 * n**3 / 15)
    latitude = chi + sum(d * np.sin(2 * (k + 1) * chi) for k, d in enumerate(delta))
    return meridian + np.degrees(np.arctan2(np.sinh(turned.imag), np.cos(turned.real))), float(np.degrees(latitude))


def test_the_outline_of_a_utm_raster() -> None:
    """A whole tile of Sentinel-2: its corners by another formula, edges that bend, counter-clockwise."""
    geometry, bbox = footprint(Affine(2.5, 0, 399_960, 0, -2.5, 5_600_040), (43_920, 43_920), UTM_33)
    assert geometry["type"] == "Polygon"
    (ring,) = geometry["coordinates"]
    assert ring[0] == ring[-1]
    for x, y in ((0, 0), (0, 1), (1, 1), (1, 0)):
        corner = on_sphere_free(399_960 + x * 109_800, 5_600_040 - y * 109_800, 15)
        assert min(np.abs(np.subtract(point, corner)).max() for point in ring) < 2e-7
    lon, lat = np.array(ring).T
    assert np.sum(lon[:-1] * lat[1:] - lon[1:] * lat[:-1]) > 0
    assert bbox == [lon.min(), lat.min(), lon.max(), lat.max()]
    # The southern edge bends towards the equator, most at the central meridian.
    middle = on_sphere_free(500_000, 5_600_040 - 109_800, 15)
    assert bbox[1] < min(lat[0], on_sphere_free(399_960, 5_490_240, 15)[1])
    assert lat.min() == pytest.approx(min(middle[1], lat.min()), abs=1e-4)


@pytest.mark.parametrize(
    ("crs", "place"),
    [
        (CRS.from_epsg(32660), Affine(10, 0, 833_000, 0, -10, 100_000)),
        (CRS.from_epsg(32701), Affine(10, 0, 165_000, 0, -10, 9_900_000)),
        (CRS.from_epsg(3857), Affine(10, 0, 20_037_000, 0, -10, 100_000)),  # as the training grid goes on to the east
        (CRS.from_epsg(4326), Affine(1e-4, 0, 179.99, 0, -1e-4, 1.0)),
    ],
)
def test_an_outline_across_the_180th_meridian_is_cut(crs: CRS, place: Affine) -> None:
    geometry, (west, south, east, north) = footprint(place, (100, 400), crs)
    assert geometry["type"] == "MultiPolygon"
    one, other = (np.array(part[0]) for part in geometry["coordinates"])
    assert (one[:, 0].max(), other[:, 0].min()) == (180, -180)
    assert 179 < west == one[:, 0].min() <= 180 > -179 > east == other[:, 0].max() >= -180
    assert (south, north) == (min(one[:, 1].min(), other[:, 1].min()), max(one[:, 1].max(), other[:, 1].max()))


def test_an_outline_that_only_touches_the_meridian_is_whole() -> None:
    geometry, bbox = footprint(Affine(0.01, 0, 179, 0, -0.01, 1), (100, 100), CRS.from_epsg(4326))
    assert (geometry["type"], bbox) == ("Polygon", [179, 0, 180, 1])
    geometry, bbox = footprint(Affine(0.01, 0, 180, 0, -0.01, 1), (100, 100), CRS.from_epsg(4326))
    assert (geometry["type"], bbox) == ("Polygon", [-180, 0, -179, 1])


@pytest.mark.parametrize(
    ("crs", "place", "metres"),
    [
        (CRS.from_epsg(3857), Affine(2.5, 0, 0, 0, -2.5, 8_399_737.889), 1.25),  # at 60 degrees north
        (CRS.from_epsg(4326), Affine(1e-5, 0, 0, 0, -1e-5, 60), 0.556),
        (CRS.from_epsg(2263), Affine(10, 0, 1_000_000, 0, -10, 200_000), 3.048),  # feet
    ],
)
def test_a_pixel_is_told_in_metres_on_the_ground(tmp_path: Path, crs: CRS, place: Affine, metres: float) -> None:
    path = raster_of(tmp_path / "a.tif", crs=crs, transform=place)
    asset = json.loads(item_text(path, record()))["assets"]["data"]
    assert asset["raster:bands"][0]["spatial_resolution"] == pytest.approx(metres, rel=1e-3)


def test_a_grid_without_a_number_is_told_in_words(tmp_path: Path) -> None:
    own = CRS.from_string("+proj=laea +lat_0=50 +lon_0=12 +datum=WGS84 +units=m")
    item = json.loads(item_text(raster_of(tmp_path / "a.tif", crs=own), record()))
    pystac.validation.validate_dict(item, validator=offline())
    assert (item["properties"]["proj:code"], item["properties"]["proj:epsg"]) == (None, None)
    assert CRS.from_wkt(item["properties"]["proj:wkt2"]) == own
