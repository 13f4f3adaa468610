"""The door: products in, a georeferenced file with its record out, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.warp import transform
from typer.testing import CliRunner

from satsr.cli.app import app
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import SuperResolver
from satsr.scenes import super_resolve as door
from satsr.scenes.job import Area, How, prepare
from satsr.scenes.packaged import PACKAGED, release
from satsr.scenes.super_resolve import estimate, super_resolve
from satsr.scenes.verify import verify
from tests.scenes.scenes import products
from tests.scenes.test_apply import PLAIN, esrgan, whole


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Three dates, one of them with a corner without data, all under cloud in a spot."""
    cloud = np.zeros((16, 16), bool)
    cloud[4:6, 7:9] = True
    return products(tmp_path / "in", empty={1: (slice(0, 10), slice(0, 12))}, clouds=[cloud] * 3)


def test_the_file_holds_what_was_made_where_it_is(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    job = super_resolve(paths, out, esrgan(), how=replace(PLAIN, support=True))
    image = whole(job)
    with rasterio.open(out) as file:
        assert file.descriptions == ("red", "green", "blue", "clear dates")
        assert file.scales[0] == 1e-4
        assert file.crs == "EPSG:32633"
        numbers, shown = file.read(), file.dataset_mask() > 0
        # the north-west corner is the products', a pixel is a quarter of theirs
        assert file.transform @ (0, 0) == pytest.approx((330_000, 5_822_040), abs=1e-9)
        assert file.transform @ (4, 8) == pytest.approx((330_010, 5_822_020), abs=1e-9)
        assert file.overviews(1) == []  # it fits into one tile
    expected = np.rint(image * (0.3558 * 10_000)).clip(1, 65_535)
    hidden = np.zeros((384, 384), bool)
    hidden[4 * 24 : 4 * 36, 4 * 42 : 4 * 54] = True
    np.testing.assert_array_equal(shown, ~hidden)
    assert np.abs(numbers[:3] - expected)[:, ~hidden].max() <= 1
    assert (numbers[:, hidden] == 0).all()
    assert numbers[3, 0, 0] == 2
    assert numbers[3, -1, -1] == 3


def test_a_control_point_stays_where_it_is(tmp_path: Path) -> None:
    """A bright spot of one input pixel: its centre lies on the same longitude and latitude, to a tenth of a pixel."""
    paths = products(tmp_path / "in", dates=1, spot=(40, 57))
    out = tmp_path / "out.tif"
    super_resolve(paths, out, "bicubic", how=PLAIN)
    with rasterio.open(out) as file:
        red = file.read(1).astype(float)
        red -= np.median(red)
        red[red < red.max() / 4] = 0
        rows, columns = np.indices(red.shape)
        row, column = (np.average(at + 0.5, weights=red) for at in (rows, columns))
        x, y = file.transform @ (column, row)
        crs = file.crs
    found = transform(crs, "EPSG:4326", [x], [y])
    expected = transform("EPSG:32633", "EPSG:4326", [330_000 + 57.5 * 10], [5_822_040 - 40.5 * 10])
    assert found[0][0] == pytest.approx(expected[0][0], abs=1e-5 * 0.3)
    assert found[1][0] == pytest.approx(expected[1][0], abs=1e-5 * 0.3)


def test_file_and_record_belong_together(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    super_resolve(paths, out, esrgan(), how=PLAIN)
    assert verify(out).passed
    item = json.loads(out.with_suffix(".json").read_text())
    assert item["properties"]["start_datetime"].startswith("2020-06-01")
    assert item["properties"]["end_datetime"].startswith("2020-06-11")
    assert str(tmp_path) not in out.with_suffix(".json").read_text()
    content = bytearray(out.read_bytes())
    content[len(content) // 2] ^= 1
    out.write_bytes(content)
    assert not verify(out).passed


def test_an_output_that_is_there_is_not_touched(paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    out.write_text("mine")
    with pytest.raises(FileExistsError, match=r"out\.tif is there already: give another name, or replace it"):
        super_resolve(paths, out, "bicubic", how=PLAIN)
    assert out.read_text() == "mine"
    super_resolve(paths, out, "bicubic", how=PLAIN, overwrite=True)
    assert verify(out).passed


def test_an_input_is_never_replaced(paths: list[Path], tmp_path: Path) -> None:
    inside = next(paths[0].rglob("*_B04.jp2"))
    band = inside.with_suffix(".tif")
    band.write_bytes(inside.read_bytes())
    with pytest.raises(ValueError, match=r"belongs to the inputs, which it would replace: give another name"):
        super_resolve(paths, band, "bicubic", how=PLAIN, overwrite=True)
    assert band.read_bytes() == inside.read_bytes()
    stack = tmp_path / "stack.tif"
    stack.write_text("mine")
    with pytest.raises(ValueError, match=r"stack\.tif belongs to the inputs"):
        super_resolve([stack], stack, "bicubic", how=PLAIN, overwrite=True)
    assert stack.read_text() == "mine"


class _Stopped(Exception):
    pass


def test_a_stopped_run_goes_on_and_ends_the_same(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = replace(PLAIN, side=24)  # nine blocks
    whole_run, stopped = tmp_path / "a.tif", tmp_path / "b.tif"
    super_resolve(paths, whole_run, esrgan(), how=how)
    made = door.run

    def two(job: door.Job, blocks: door.BlockFile) -> object:
        for number, one in enumerate(made(job, blocks)):
            if number == 2:
                raise _Stopped
            yield one

    monkeypatch.setattr(door, "run", two)
    with pytest.raises(_Stopped):
        super_resolve(paths, stopped, esrgan(), how=how)
    assert not stopped.exists()
    left = len(list((tmp_path / ".b.tif.partial").glob("*.tif")))
    assert left >= 2
    monkeypatch.setattr(door, "run", made)
    with pytest.raises(
        ValueError, match=r"a run with other .* was stopped on the way .*or --no-resume"
    ):  # another job does not go on with it
        super_resolve(paths, stopped, "bicubic", how=how)
    super_resolve(paths, stopped, esrgan(), how=how)
    with rasterio.open(whole_run) as one, rasterio.open(stopped) as other:
        np.testing.assert_array_equal(one.read(), other.read())
    assert not (tmp_path / ".b.tif.partial").exists()


def test_a_job_is_known_by_all_that_decides_it(paths: list[Path]) -> None:
    """What would make other pixels has another key, so that a stopped run never goes on with them."""
    given = {"model": esrgan(), "area": Area(), "how": PLAIN}
    key = prepare(paths, **given).key  # type: ignore[arg-type]
    assert prepare(paths, **given).key == key  # type: ignore[arg-type]
    others = [
        prepare(paths, **given | {"area": Area(window=(1, 0, 90, 90))}),  # type: ignore[arg-type]
        prepare(paths[:2], **given),  # type: ignore[arg-type]
        prepare(paths, **given, offset=0.0),  # type: ignore[arg-type]
        prepare(paths, **given | {"model": "bicubic"}),  # type: ignore[arg-type]
        *(prepare(paths, **given | {"how": how}) for how in (  # type: ignore[arg-type]
            replace(PLAIN, clouds="none"),
            replace(PLAIN, consistent=False),
            replace(PLAIN, kind="uint8"),
            replace(PLAIN, support=True),
            replace(PLAIN, dates=2),
            replace(PLAIN, wanted=date(2020, 1, 1)),
        )),
    ]  # fmt: skip
    assert len({key, *(job.key for job in others)}) == len(others) + 1


def test_a_polygon_is_an_area(paths: list[Path], tmp_path: Path) -> None:
    x, y = [330_200, 330_700, 330_200], [5_821_900, 5_821_900, 5_821_400]
    corners = list(zip(*transform("EPSG:32633", "EPSG:4326", x, y), strict=True))
    ring = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": ring}))
    out = tmp_path / "out.tif"
    super_resolve(paths, out, "bicubic", area=Area(polygon=path), how=PLAIN)
    with rasterio.open(out) as file:
        shown = file.dataset_mask() > 0
        assert file.bounds.left == pytest.approx(330_200, abs=20)
        inside = rasterio.transform.rowcol(file.transform, 330_300, 5_821_800)
        outside = rasterio.transform.rowcol(file.transform, 330_600, 5_821_450)
    assert shown[inside]
    assert not shown[outside]
    path.write_text('{"type": "Point", "coordinates": [13, 52]}')
    with pytest.raises(ValueError, match=r"got Point, expected Polygon or MultiPolygon"):
        prepare(paths, "bicubic", Area(polygon=path), PLAIN)
    with pytest.raises(ValueError, match="got a polygon with bounds"):
        prepare(paths, "bicubic", Area(polygon=path, window=(0, 0, 9, 9)), PLAIN)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_other_types(paths: list[Path], tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out.tif"
    job = super_resolve(paths, out, "bicubic", how=replace(PLAIN, kind=kind))  # type: ignore[arg-type]
    with rasterio.open(out) as file:
        numbers, shown = file.read(masked=True), file.dataset_mask() > 0
        values = np.asarray(numbers) * file.scales[0]
    assert numbers.dtype == kind
    expected = whole(job) * 0.3558
    assert np.abs(values - expected)[:, shown].max() <= (0.3558 / 255 if kind == "uint8" else 1e-6)


def test_a_small_scene_and_one_without_clear_dates(tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    super_resolve(products(tmp_path / "in"), out, esrgan(), area=Area(window=(3, 5, 1, 2)), how=PLAIN)
    with rasterio.open(out) as file:
        assert file.shape == (4, 8)
    cloud = np.ones((16, 16), bool)
    with pytest.raises(ValueError, match=r"no date can be used .*100% cloud"):
        super_resolve(products(tmp_path / "c", clouds=[cloud] * 3), tmp_path / "b.tif", esrgan(), how=PLAIN)
    assert not (tmp_path / "b.tif").exists()


def test_a_model_that_is_missing_is_called_so(paths: list[Path]) -> None:
    with pytest.raises(FileNotFoundError, match=r"esrgan_8S2\.pth is missing: expected a folder of a trained model"):
        prepare(paths, "esrgan_8S2.pth")


def test_a_dry_run_says_what_it_takes(paths: list[Path]) -> None:
    found = estimate(prepare(paths, esrgan(), how=PLAIN))
    assert found.shape == (384, 384)
    assert found.km2 == pytest.approx(0.96**2, rel=1e-2)
    assert found.file_bytes == pytest.approx(384 * 384 * 3 * 2 * 4 / 3)
    assert found.seconds > 0


def test_the_command_line(paths: list[Path], tmp_path: Path) -> None:
    runner = CliRunner()
    save_model(esrgan(), tmp_path / "model")
    given = [*map(str, paths), "--output", str(tmp_path / "out.tif"), "--model", str(tmp_path / "model")]
    said = runner.invoke(app, ["super-resolve", *given, "--window", "10,10,30,30", "--dry-run"], catch_exceptions=False)
    assert "120 x 120 px" in said.output
    assert not (tmp_path / "out.tif").exists()
    done = runner.invoke(app, ["super-resolve", *given, "--window", "10,10,30,30"], catch_exceptions=False)
    assert "2020-06-06" in done.output
    assert f"wrote {tmp_path / 'out.tif'}" in done.output
    looked = runner.invoke(app, ["verify", str(tmp_path / "out.tif")], catch_exceptions=False)
    assert looked.exit_code == 0
    assert "belong together" in looked.output
    with pytest.raises(ValueError, match=r"got --kind int8, expected uint16, uint8 or float32"):
        runner.invoke(app, ["super-resolve", *given, "--kind", "int8"], catch_exceptions=False)


# The model that comes with the package


def test_a_released_model_is_small_and_says_where_it_comes_from(tmp_path: Path) -> None:
    save_model(esrgan(), tmp_path / "trained")
    release(tmp_path / "trained", {"released": "for a test"}, {"psnr": 20.0}, to=tmp_path / "packaged")
    found, trained = load_model(tmp_path / "packaged"), load_model(tmp_path / "trained")
    assert found.card.provenance["released"] == "for a test"
    assert "no observation" in found.card.provenance["limits"]
    assert found.card.on_scenes["halo_px"] > 0
    lr = torch.rand(1, 3, 3, 16, 16)
    with torch.inference_mode():
        assert (found(lr) - trained(lr)).abs().max() < 0.05
    large = SuperResolver(replace(esrgan().card, network={"num_feat": 64, "num_block": 4, "num_grow_ch": 32}))
    save_model(large, tmp_path / "large")
    with pytest.raises(ValueError, match=r"MB in bfloat16, expected at most 4 MB"):
        release(tmp_path / "large", {}, {}, to=tmp_path / "packaged")
    assert load_model(tmp_path / "packaged").card == found.card


def test_the_packaged_model_is_there_and_is_taken(paths: list[Path]) -> None:
    job = prepare(paths, how=How(precision="32-true"))
    assert job.applied.model.card == load_model(PACKAGED).card
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) < 4_100_000
    assert {"released", "commit", "limits"} <= set(job.applied.model.card.provenance)
