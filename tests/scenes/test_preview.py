"""A map page shows the numbers of its files, says where they come from, and takes nothing of theirs for HTML."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform

from satsr.scenes import preview_files
from satsr.scenes.preview import preview
from satsr.scenes.preview_facts import DAMAGED, NONE
from satsr.scenes.preview_place import degrees
from satsr.scenes.record import SYNTHETIC, TAG
from tests.scenes.blocks import finished, record
from tests.scenes.previews import PLACE, RGB, Parsed, coarser, pixels, write

SHAPE = (200, 300)
HOLE = (slice(20, 60), slice(100, 180))
ALL_BANDS = (*RGB, "clear dates", "uncertainty of red")
RGB_NUMBERS = [1, 2, 3]


def numbers(shape: tuple[int, int] = SHAPE, seed: int = 0, top: int = 3500) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(1, top, (3, *shape)).astype(np.uint16)


def eight_bit(image: NDArray[Any], white: float = 3000) -> NDArray[np.uint8]:
    return np.rint(np.moveaxis(image / white, 0, -1).clip(0, 1) * 255).astype(np.uint8)


def close(a: NDArray[np.uint8], b: NDArray[np.uint8], levels: int = 1) -> bool:
    """Whether two images are one; a level apart, halves were rounded up and down."""
    return a.shape == b.shape and bool(np.abs(a.astype(int) - b).max() <= levels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with all bands and a hole, and the input that was kept beside it."""
    folder = tmp_path_factory.mktemp("scene")
    dates = np.repeat([1, 4], SHAPE[1] // 2) * np.ones((SHAPE[0], 1))
    uncertainty = np.linspace(1, 400, SHAPE[1]) * np.ones((SHAPE[0], 1))
    image = np.concatenate([numbers(), np.stack([dates, uncertainty]).astype(np.uint16)])
    image[:, *HOLE] = 0
    write(folder / "OUT.tif", image, ALL_BANDS, scales=[1e-4] * 3 + [1, 1e-4])
    write(folder / "OUT.input.tif", numbers((50, 75), 1), place=coarser(4))
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Parsed:
    return Parsed(preview(folder / "OUT.tif"))


def test_it_shows_every_number_and_where_there_is_none(folder: Path, page: Parsed) -> None:
    with rasterio.open(folder / "OUT.tif") as file:
        image, shown = file.read(RGB_NUMBERS), file.dataset_mask() > 0
    colours = page.image("output")
    np.testing.assert_array_equal(colours[..., 3] > 0, shown)
    assert close(colours[shown, :3], eight_bit(image)[shown])
    np.testing.assert_array_equal(page.image("nodata")[..., 3] > 0, ~shown)
    assert page.layer("output")["box"] == [0, 0, *SHAPE]
    assert "5.3% of the view" in page.words


def test_the_input_beside_it_is_taken_with_the_same_stretch(folder: Path, page: Parsed) -> None:
    with rasterio.open(folder / "OUT.input.tif") as file:
        assert close(page.image("input")[..., :3], eight_bit(file.read()))
    layer = page.layer("input")
    assert (layer["box"], layer["pixel"], layer["pane"]) == ([0, 0, *SHAPE], 4, "before")
    assert "output and input alike: red, green, blue; reflectance 0 is black, 0.3 is white" in page.words


def test_legends_have_the_colours_of_their_layers(folder: Path, page: Parsed) -> None:
    dates, uncertainty = page.image("extra0"), page.image("extra1")
    swatches = [pixels(value) for name, value in page.attributes if name == "src" and value]
    one, four, ramp = (swatches[n] for n in (0, 1, 2))
    np.testing.assert_array_equal(dates[0, [0, -1]], [one[0, 0], four[0, 0]])
    assert not np.array_equal(one, four)
    assert ramp.shape == (1, 256, 4)
    assert close(uncertainty[0, [0, -1]], ramp[0, [0, -1]])
    assert (np.diff(uncertainty[0].astype(int).sum(axis=-1)) >= 0).all()
    assert not dates[HOLE][..., 3].any()
    with rasterio.open(folder / "OUT.tif") as file:
        top = np.percentile(file.read(5, masked=True).compressed(), 98) / 1e4
    assert f"0 to {top:.3g} or more reflectance" in page.words
    assert [one["title"] for one in page.view["layers"]][2:4] == list(ALL_BANDS[3:])


def test_an_input_on_another_grid_lies_where_it_lies(folder: Path, tmp_path: Path) -> None:
    """Pixels of 20 m, begun 100 m further north-west, of which the output covers a part."""
    other = write(
        tmp_path / "other.tif", numbers((60, 60), 2), place=PLACE @ Affine.translation(-40, -40) @ Affine.scale(8)
    )
    page = Parsed(preview(folder / "OUT.tif", tmp_path / "a.html", before=other))
    with rasterio.open(other) as file:
        expected = eight_bit(file.read())[5:30, 5:43]
    assert close(page.image("input")[..., :3], expected)
    assert page.layer("input")["box"] == [0, 0, 200, 304]
    assert page.layer("input")["pixel"] == 8


def test_eight_bit_numbers_are_shown_as_they_are_and_the_input_fits_them(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(1, 256, (3, 40, 60)).astype(np.uint8)
    scale = 0.3558 / 255
    write(tmp_path / "a.tif", image, scales=scale)
    counts = np.rint(image[:, ::4, ::4] * scale * 1e4).astype(np.uint16)
    write(tmp_path / "a.input.tif", counts, place=coarser(4))
    page = Parsed(preview(tmp_path / "a.tif"))
    np.testing.assert_array_equal(page.image("output")[..., :3], np.moveaxis(image, 0, -1))
    assert close(page.image("input")[..., :3], page.image("output")[::4, ::4, :3])
    assert "8-bit numbers as they are (255 is reflectance 0.3558)" in page.words


def test_reflectance_as_floats(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((3, 20, 30)).astype(np.float32)
    image[:, 3, 4], image[1, 5, 6] = np.nan, np.inf
    page = Parsed(preview(write(tmp_path / "a.tif", image, scales=None, nodata=float("nan"))))
    colours = page.image("output")
    assert not colours[[3, 5], [4, 6], 3].any()
    shown = colours[..., 3] > 0
    assert shown.sum() == 20 * 30 - 2
    assert close(colours[shown, :3], eight_bit(np.where(np.isfinite(image), image, 0), 0.3)[shown])


def test_percentiles_are_those_of_output_and_input_together(folder: Path, tmp_path: Path) -> None:
    page = Parsed(preview(folder / "OUT.tif", tmp_path / "a.html", stretch="percentile"))
    with rasterio.open(folder / "OUT.tif") as one, rasterio.open(folder / "OUT.input.tif") as other:
        image, shown, kept = one.read(RGB_NUMBERS), one.dataset_mask() > 0, other.read()
    low, high = np.percentile(np.concatenate([image[:, shown], kept.reshape(3, -1)], axis=1), [2, 98], axis=1)[
        ..., None, None
    ]
    for key, found in (("output", image), ("input", kept)):
        colours = page.image(key)
        expected = eight_bit((found - low) / (high - low), 1)
        assert close(colours[colours[..., 3] > 0, :3], expected[colours[..., 3] > 0])
    said = ", ".join(
        f"{n} {a / 1e4:.4g} to {b / 1e4:.4g}" for n, a, b in zip(RGB, low.ravel(), high.ravel(), strict=True)
    )
    assert f"percentiles 2 to 98 of reflectance ({said})" in page.words


def test_numbers_without_a_unit_are_not_called_reflectance(tmp_path: Path) -> None:
    page = Parsed(preview(write(tmp_path / "a.tif", numbers((30, 30)), scales=None)))
    assert "of numbers without a unit (red" in page.words


@pytest.mark.parametrize("factor", [4, 7])
def test_a_reduced_view_is_the_mean_and_says_so(folder: Path, tmp_path: Path, factor: int) -> None:
    page = Parsed(preview(folder / "OUT.tif", tmp_path / "a.html", side=-(-SHAPE[1] // factor)))
    height, width = (n // factor for n in SHAPE)  # those that are whole
    with rasterio.open(folder / "OUT.tif") as file:
        cut = file.read(RGB_NUMBERS)[:, : height * factor, : width * factor].astype(float)
    parts = np.where(cut > 0, cut, np.nan).reshape(3, height, factor, width, factor)
    shown = np.isfinite(parts).any(axis=(2, 4))[0]
    colours = page.image("output")[:height, :width]
    np.testing.assert_array_equal(colours[..., 3] > 0, shown)
    sums, counts = np.nansum(parts, axis=(2, 4)), np.isfinite(parts).sum(axis=(2, 4))
    assert close(colours[shown, :3], eight_bit(sums / np.maximum(counts, 1))[shown])
    assert f"A reduced view, 1 : {factor}:" in page.words
    assert page.layer("output")["box"][2:] == [factor * -(-n // factor) for n in SHAPE]


def test_a_window_shows_a_part_in_full(folder: Path, tmp_path: Path, page: Parsed) -> None:
    part = Parsed(preview(folder / "OUT.tif", tmp_path / "a.html", window=(10, 20, 40, 100), side=100))
    np.testing.assert_array_equal(part.image("output"), page.image("output")[10:50, 20:120])
    assert part.layer("output")["box"] == [10, 20, 50, 120]
    assert "A part: 40 x 100 of 200 x 300 px, from row 10, column 20." in part.words
    np.testing.assert_array_equal(part.image("input"), page.image("input")[2:13, 5:30])
    assert part.layer("input")["box"] == [8, 20, 52, 120]
    assert "reduced view" not in part.words + page.words


def test_a_whole_scene_is_read_through_its_overviews(tmp_path: Path) -> None:
    """43,936 px wide, of which only the overview of 1 : 32 is on this disk."""
    side, small = 32 * 1373, numbers((1373, 1373), top=3000)
    write(tmp_path / "small.tif", small, place=coarser(32))
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{n}"><Description>{name}</Description><NoDataValue>0</NoDataValue>'
        f'<Scale>0.0001</Scale><Overview><SourceFilename relativeToVRT="1">small.tif</SourceFilename>'
        f"<SourceBand>{n}</SourceBand></Overview></VRTRasterBand>"
        for n, name in enumerate(RGB, start=1)
    )
    place = ", ".join(map(str, PLACE.to_gdal()))
    (tmp_path / "a.vrt").write_text(
        f'<VRTDataset rasterXSize="{side}" rasterYSize="{side}"><SRS>EPSG:32633</SRS>'
        f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
    )
    page = Parsed(preview(tmp_path / "a.vrt", side=1400))
    assert page.image("output").shape == (1373, 1373, 4)
    assert close(page.image("output")[:-1, :-1, :3], eight_bit(small)[:-1, :-1], levels=4)


def test_it_holds_what_satsr_wrote(tmp_path: Path) -> None:
    path = finished(tmp_path / "OUT.tif")
    page = Parsed(preview(path, side=276))
    with rasterio.open(path) as file:
        assert page.view["transform"] == list(file.transform)[:6]
    assert page.image("output").shape == (129, 276, 4)
    assert "nodata" in [one["key"] for one in page.view["layers"]]  # a mask inside the file
    told = [SYNTHETIC, "Rügen <& more>", "esrgan (weights' SHA-256: 0101010101010101…)", "2020-06-01", "2020-06-06"]
    told += ["2020-06-11 S2A_MSIL2A_20200611.SAFE: left out: cloudy", "2026-01-02T03:04:05Z", "satsr 0.1.0 (abc)"]
    for said in told:
        assert said in page.words
    assert "known" not in page.words


# Where it is


def files_at(tmp_path: Path, crs: str, place: Affine) -> Any:
    return rasterio.open(write(tmp_path / "place.tif", numbers((200, 300)), crs=crs, place=place))


@pytest.mark.parametrize(
    ("crs", "place"),
    [
        ("EPSG:32633", Affine(400, 0, 399_960, 0, -400, 7_600_040)),
        ("EPSG:32601", Affine(400, 0, 165_000, 0, -400, 6_600_000)),  # both sides of the 180th meridian
        ("EPSG:3857", Affine(400, 0, 1e6, 0, -400, 8e6)),
        ("EPSG:4326", Affine(1e-3, 0, 12, 0, -1e-3, 50)),
        ("EPSG:32633", Affine(200, 80, 399_960, 80, -200, 5_600_040)),  # turned
    ],
)
def test_degrees_are_right_to_a_quarter_of_a_pixel(tmp_path: Path, crs: str, place: Affine) -> None:
    with files_at(tmp_path, crs, place) as file:
        found = degrees(file, (0, 0, 200, 300))
        assert found is not None
        at = np.random.default_rng(0).random((50, 2)) * (200, 300)
        x, y = place.a * at[:, 1] + place.b * at[:, 0] + place.c, place.d * at[:, 1] + place.e * at[:, 0] + place.f
        longitudes, _ = transform(crs, "EPSG:4326", x, y)
        there = [bilinear(np.array(found[name]), at / (200, 300)) for name in ("longitudes", "latitudes")]
        back = transform("EPSG:4326", crs, (there[0] + 180) % 360 - 180, there[1])
    off = np.hypot(*(np.subtract(a, b) for a, b in zip(back, (x, y), strict=True))) / np.hypot(place.a, place.d)
    assert off.max() < 0.3
    assert np.abs((there[0] - longitudes + 180) % 360 - 180).max() < 0.01


def bilinear(nodes: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.ndimage import map_coordinates

    return map_coordinates(nodes, (share * (len(nodes) - 1)).T, order=1)


def test_around_a_pole_no_degrees_are_better_than_wrong_ones(tmp_path: Path) -> None:
    with files_at(tmp_path, "EPSG:3413", Affine(400, 0, -60_000, 0, -400, 40_000)) as file:
        assert degrees(file, (0, 0, 200, 300)) is None


# What is not trusted


def test_an_image_without_a_record_is_shown_under_a_warning(tmp_path: Path) -> None:
    words = Parsed(preview(write(tmp_path / "a.tif", numbers((9, 9)), tags={}))).words
    assert NONE in words
    assert SYNTHETIC in words


@pytest.mark.parametrize("tag", ["{", "[]", "{}", "3", "[" * 100_000])
def test_a_damaged_record_is_said(tmp_path: Path, tag: str) -> None:
    assert DAMAGED in Parsed(preview(write(tmp_path / "a.tif", numbers((9, 9)), tags={TAG: tag}))).words


def test_a_record_of_other_types_loses_only_what_is_wrong(tmp_path: Path) -> None:
    odd = {"model": [1], "dates": {"a": 1}, "inputs": [3, {"name": "S2A"}], "created": None, "options": "x", "title": 4}
    page = Parsed(preview(write(tmp_path / "a.tif", numbers((9, 9)), tags={TAG: json.dumps({**odd, "version": "7"})})))
    assert "S2A" in page.words
    assert "satsr 7" in page.words


EVIL = "</script></title><script>window.pwned = 1</script><img src=x onerror='window.pwned=1'>\"{{view}}\u2028&amp;"


def evil_image(folder: Path) -> Path:
    """An image whose names and record are all HTML."""
    facts = record().facts()
    facts["model"]["name"] = facts["inputs"][0]["name"] = facts["dates"][0] = EVIL
    facts |= {name: EVIL for name in ("title", "version", "commit", "created")}
    image = np.ones((5, 20, 30), np.uint16)
    image[:, 0, 0] = 0
    names = (*RGB, "clear dates", f"uncertainty of {EVIL}")
    return write(folder / "<b onclick=1>&\" '.tif", image, names, tags={TAG: json.dumps(facts)})


def test_nothing_of_a_file_becomes_html(tmp_path: Path) -> None:
    image, plain = evil_image(tmp_path), write(tmp_path / "plain.tif", np.ones((5, 20, 30), np.uint16), ALL_BANDS)
    with rasterio.open(plain, "r+") as file:
        file.write(np.zeros((5, 1, 1), np.uint16), window=((0, 1), (0, 1)))
    page, usual = Parsed(preview(image)), Parsed(preview(plain))
    assert sorted(set(page.tags)) == sorted(set(usual.tags))
    assert page.tags.count("script") == 3
    assert {name for name, _ in page.attributes} == {name for name, _ in usual.attributes}
    assert page.words.count(EVIL) == 9  # the title twice, and a layer's
    assert page.layer("extra1")["title"] == f"uncertainty of {EVIL}"
    assert "<" not in page.scripts[0]


def test_nothing_is_asked_for_elsewhere(page: Parsed) -> None:
    loads = [value or "" for name, value in page.attributes if name in ("src", "href", "srcset", "data", "action")]
    assert len(loads) > 3
    assert [value for value in loads if not value.startswith("data:")] == []
    assert "sourceMappingURL" not in "".join(page.scripts)


def test_leaflet_is_the_published_one_with_its_licence() -> None:
    digests = {
        "leaflet.js": "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a",
        "leaflet.css": "a7837102824184820dfa198d1ebcd109ff6d0ff9a2672a074b9a1b4d147d04c6",
        "leaflet.LICENSE": "53e8dc25862014e4324741ca18fbe3611e11d42ef69f59f86ea8c5389647d4cb",
    }
    folder = Path(preview_files.__file__).parent
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in digests} == digests


def test_the_licence_is_on_the_page(page: Parsed) -> None:
    assert "Copyright (c) 2010-2023, Volodymyr Agafonkin" in page.words


# What goes wrong


def test_a_page_that_is_there_stays(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "a.html"
    there.write_text("mine")
    with pytest.raises(FileExistsError, match=r"a\.html is there already: .*--overwrite"):
        preview(folder / "OUT.tif", there)
    with pytest.raises(ValueError, match="got window"):
        preview(folder / "OUT.tif", there, window=(0, 0, 999, 999), overwrite=True)
    assert there.read_text() == "mine"
    assert preview(folder / "OUT.tif", there, overwrite=True) == there
    assert SYNTHETIC in there.read_text()
    assert list(tmp_path.iterdir()) == [there]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"output": "a.tif"}, r"got a\.tif, expected a name that ends in \.html"),
        ({"side": 0}, "got a side of 0 px, expected 1 to 4096"),
        ({"side": 5000}, "got a side of 5000 px"),
        ({"stretch": "best"}, "got stretch best, expected fixed or percentile"),
        ({"window": (0, 0, 201, 5)}, "got window 0,0,201,5, expected .* within 200 x 300 px"),
        ({"window": (-1, 0, 5, 5)}, "got window -1,0,5,5"),
        ({"window": (0, 0, 0, 5)}, "got window 0,0,0,5"),
    ],
)
def test_options_that_cannot_be(folder: Path, tmp_path: Path, options: dict[str, Any], said: str) -> None:
    output = tmp_path / options.pop("output", "a.html")
    with pytest.raises(ValueError, match=said) as error:
        preview(folder / "OUT.tif", output, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"crs": "EPSG:32632"}, r"in EPSG:32632, expected EPSG:32633, that of .*rio warp --dst-crs EPSG:32633"),
        ({"crs": None}, "in no CRS, expected EPSG:32633"),
        ({"place": coarser(4) @ Affine.translation(500, 0)}, "shows nothing of that part of"),
        ({"place": coarser(4) @ Affine.rotation(1)}, "are turned against those of"),
        ({"place": coarser(4) @ Affine.scale(1, -1)}, "are turned against those of"),
        ({"names": ("b08", "b8a", "b11")}, "with b08, b8a, b11, expected red, green, blue as in"),
        ({"scales": None}, "has no scale to reflectance: set it"),
    ],
)
def test_an_input_that_does_not_go_with_the_output(
    folder: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    kind = {"photometric": "minisblack"} if "names" in changes else {}
    other = write(tmp_path / "b.tif", numbers((50, 75)), **{"place": coarser(4), **kind, **changes})
    with pytest.raises(ValueError, match=said) as error:
        preview(folder / "OUT.tif", tmp_path / "a.html", before=other)
    assert "\n" not in str(error.value)


def test_files_that_are_missing_or_no_rasters(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"b\.tif is missing"):
        preview(tmp_path / "b.tif")
    with pytest.raises(FileNotFoundError, match=r"b\.tif is missing"):
        preview(folder / "OUT.tif", tmp_path / "a.html", before=tmp_path / "b.tif")
    (tmp_path / "c.tif").write_bytes((folder / "OUT.tif").read_bytes()[:50_000])
    with pytest.raises(ValueError, match=r"c\.tif cannot be read"):
        preview(tmp_path / "c.tif")
    with pytest.raises(ValueError, match="without a place on earth"):
        preview(write(tmp_path / "d.tif", numbers((9, 9)), crs=None))  # type: ignore[arg-type]
    assert not list(tmp_path.glob("*.html"))
