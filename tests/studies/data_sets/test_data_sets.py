"""The study over several data sets: what is trained where, what may not leak, and its tables."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from satsr.common.paths import Workspace
from satsr.data.checks.leakage import leakage
from satsr.data.data_set import READERS, DataSet
from satsr.data.pairs import Pairs
from satsr.data.reader import SPLITS, Scene, write_regions
from satsr.data.readers.fmow import FMoW, write_set
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.readers.worldstrat import WorldStrat
from satsr.data.settings import DataSetSettings, PairSettings
from satsr.data.shards.shards import Shards, write_shards
from satsr.evaluation.tables import beside_main, same_order
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.studies.data_sets.schedule import can_fuse, trained_as
from satsr.studies.data_sets.settings import SetStudySettings
from satsr.studies.data_sets.tables import band_statistics, comparison, counted, facts_table, ground_area, time_gaps
from satsr.training.settings import TrainSettings
from satsr.training.transfer import at_mean, fitted, of_length
from satsr.world.region import BANDS
from tests.made import make_oli2msi, make_probav, make_worldstrat

TWO = PairSettings(dates=2, bands=())
ONE = PairSettings(dates=1, bands=())


def fmow_scene(number: int, split: str) -> Scene:
    """A place of 32 px; red of LR is 0.1 in the first date and 0.02 more in each other one."""
    lr = np.broadcast_to(0.1 + 0.02 * np.arange(3)[:, None, None, None], (3, 13, 32, 32)).astype(np.float32)
    dates = tuple(date(2018 + n, 6, 1) for n in range(3))
    lr_valid, hr_valid = np.ones((3, 32, 32), bool), np.ones((128, 128), bool)
    lr_valid[0, :16] = False  # half of one date in three
    hr = np.full((3, 128, 128), 0.2, np.float32)
    corner = (5e5 + 1000 * number, 4e6)
    return Scene(
        f"{number}", split, f"{number}", lr, BANDS, lr_valid, dates, hr, ("red", "green", "blue"), hr_valid,
        date(2019, 6, 11), corner, "EPSG:32613", 10.0, 2.5,
    )  # fmt: skip


class DateLess(FMoW):
    """fMoW without dates."""

    def sample(self, tile: str, bands: Any) -> Any:
        found = super().sample(tile, bands)
        return replace(found, days=np.full_like(found.days, np.nan))


def write_fmow(folder: Path) -> Path:
    write_set(folder, [fmow_scene(number, split) for number, split in enumerate(SPLITS)])
    return folder


WRITE: dict[str, Callable[[Path], Path]] = {
    "probav": make_probav.write,
    "oli2msi": make_oli2msi.write,
    "worldstrat": make_worldstrat.write,
    "fmow": write_fmow,
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small data sets in the published layouts; nothing may change them."""
    return {name: write(tmp_path_factory.mktemp(name) / name) for name, write in WRITE.items()}


def download(folder: Path, here: Workspace | None = None, pairs: PairSettings = TWO) -> DataSet:
    """Return the data set that a folder, named as the data set, holds."""
    settings = DataSetSettings(path=str(folder), pairs=pairs)
    return DataSet(folder.name, settings, here or Workspace(Path("unused"), "tiny"))


def table(**means: list[float]) -> pd.DataFrame:
    """Rows of `main_table`: PSNR of methods a, b, c, ... on data sets, corrected, interval of 0.5 to each side."""
    rows = [
        {"method": method, "dataset": dataset, "metric": "psnr", "protocol": "corrected", "mean": mean}
        for dataset, values in means.items()
        for method, mean in zip("abcdefgh", values, strict=False)
    ]
    return pd.DataFrame(rows).assign(low=lambda t: t["mean"] - 0.5, high=lambda t: t["mean"] + 0.5, note="")


def test_a_length_moves_steps_milestones_and_the_start_of_the_gan() -> None:
    losses, when = {"l1": 1.0, "gan": 0.1}, {"milestones": (400, 800), "gan_start": 300, "validate_every": 50}
    whole = TrainSettings(losses=losses, steps=1000, ema=0.98, batch=3, **when)
    half, long = of_length(whole, 0.5), of_length(whole, 2)
    assert (half.steps, half.milestones, half.gan_start) == (500, (200, 400), 150)
    assert (long.steps, long.milestones, long.gan_start) == (2000, (800, 1600), 600)
    assert (half.validate_every, half.validate_images) == (500, 2)  # the end alone is looked at
    assert half.ema == pytest.approx(whole.ema**2)  # after half as many steps the start weighs as little
    changed = {"steps", "milestones", "gan_start", "validate_every", "validate_images", "ema"}
    assert half.model_dump(exclude=changed) == whole.model_dump(exclude=changed)


def test_the_shortest_training_has_a_step() -> None:
    short = of_length(TrainSettings(losses={"l1": 1.0}, steps=10, milestones=(5,)), 0.001)
    assert (short.steps, short.milestones, short.validate_every, short.gan_start) == (1, (1,), 1, 0)


def test_what_starts_from_a_model_goes_on_as_that_ended_and_latent_methods_start_equal() -> None:
    study = SetStudySettings(length=0.1, latent_length=0.4, batch=2, from_main=True)
    schedule = {"learning_rate": 1e-3, "milestones": (60, 80), "gamma": 0.5}
    settings = TrainSettings(losses={"l1": 1.0}, steps=100, start_at_mean=True, **schedule)
    goes_on = trained_as("srcnn", settings, study)
    assert (goes_on.steps, goes_on.batch, goes_on.milestones, goes_on.start_at_mean) == (10, 2, (), False)
    assert goes_on.learning_rate == pytest.approx(2.5e-4)
    for method in ("satdiffmoe", "satdiffmoe_absolute", "controlnet"):
        found = trained_as(method, settings, study)
        assert (found.steps, found.batch, found.milestones, found.learning_rate) == (40, 2, (24, 32), 1e-3)


def test_trained_anew_every_method_has_its_own_schedule() -> None:
    settings = TrainSettings(losses={"l1": 1.0}, steps=100, milestones=(60,), start_at_mean=True)
    for method in ("srcnn", "satdiffmoe"):
        assert trained_as(method, settings, SetStudySettings(length=1.0, from_main=False)) == of_length(settings, 1.0)


SIZES = {
    "srcnn": {"hidden_channels": 16, "kernel_size": 3, "residual_layers": 1, "sr_kernel_size": 3},
    "esrgan": {"num_feat": 8, "num_block": 1, "num_grow_ch": 4},
}
COLORS = ("red", "green", "blue")


@pytest.mark.parametrize("method", SIZES)
@pytest.mark.parametrize(("name", "pairs"), [("probav", PairSettings(dates=3, bands=())), ("oli2msi", ONE)])
def test_a_fitted_model_sees_what_it_saw(written: dict[str, Path], method: str, name: str, pairs: PairSettings) -> None:
    """Of the same gray date again and again, or of the same colored one, the new model makes what the old one made."""
    old = SuperResolver(ModelCard(method, SIZES[method], 4, COLORS, COLORS, 4), seed=1).eval()
    with torch.no_grad():  # outputs are positive, as those of a trained network, which another activation follows
        [m for m in old.modules() if isinstance(m, nn.Conv2d)][-1].bias.add_(1)
    new = fitted(old, download(written[name], pairs=pairs).pairs["train"]).eval()
    assert (new.card.scale, new.card.dates) == (3, pairs.dates)
    bands = len(new.card.bands_in)
    date = torch.rand(1, 1, bands, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        made = new.feed(new.network, date.expand(-1, pairs.dates, -1, -1, -1), *[torch.zeros(0)] * 3)
        expected = old(date.expand(-1, 4, 3, -1, -1))
    if bands == 1:
        expected = expected.mean(dim=1, keepdim=True)
    torch.testing.assert_close(made.reshape(expected.shape), expected)


@pytest.mark.parametrize("method", ["highresnet", "sr3"])
def test_every_method_that_sees_images_can_be_fitted(written: dict[str, Path], method: str) -> None:
    sizes = {
        "highresnet": {"hidden_channels": 16, "kernel_size": 3, "residual_layers": 1, "sr_kernel_size": 3},
        "sr3": {"widths": [8, 8], "blocks": 1, "attention": [], "patch": 2, "sampling_steps": 1},
    }
    old = SuperResolver(ModelCard(method, sizes[method], 4, COLORS, COLORS, 4), seed=1)
    pairs = download(written["probav"], pairs=TWO).pairs["train"]
    new, lr = fitted(old, pairs).eval(), pairs.pair(0).lr[None]
    with torch.no_grad():
        assert new(lr).isfinite().all()
    own = new.network.state_dict()
    same = [name for name, value in old.network.state_dict().items() if torch.equal(own.get(name, value[:0]), value)]
    assert len(same) > len(own) / 2, "all but the first and the last layer is as it was"


@pytest.mark.parametrize("method", ["srcnn", "highresnet", "esrgan"])
@pytest.mark.parametrize("name", ["probav", "worldstrat"])
def test_a_model_that_goes_on_starts_at_the_mean_of_hr(written: dict[str, Path], method: str, name: str) -> None:
    sizes = SIZES.get(method, SIZES["srcnn"])
    pairs = download(written[name], pairs=TWO).pairs["train"]
    first = fitted(SuperResolver(ModelCard(method, sizes, 4, COLORS, COLORS, 4), seed=1), pairs)
    before = {name: value.clone() for name, value in first.network.state_dict().items()}
    model = at_mean(first, pairs)
    batch = pairs.batch(range(len(pairs)))  # fewer than a mean is taken over
    with torch.no_grad():
        off = (batch.hr - model(*batch.seen())).movedim(1, -1)[batch.hr_valid].mean(dim=0)
    assert off.abs().max() < 0.005
    moved = [name for name, value in model.network.state_dict().items() if not torch.equal(value, before[name])]
    assert [before[name].shape for name in moved] == [(len(pairs.bands_out),)], "one bias alone has moved"


def test_what_samples_its_images_is_not_moved(written: dict[str, Path]) -> None:
    sizes = {"widths": [8, 8], "blocks": 1, "attention": [], "patch": 2, "sampling_steps": 1}
    pairs = download(written["probav"], pairs=TWO).pairs["train"]
    model = fitted(SuperResolver(ModelCard("sr3", sizes, 4, COLORS, COLORS, 4), seed=1), pairs)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    at_mean(model, pairs)
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


@pytest.mark.parametrize(("name", "expected"), [("probav", False), ("worldstrat", True), ("fmow", True)])
def test_latent_diffusion_fits_color_of_several_known_dates(
    written: dict[str, Path], name: str, expected: bool
) -> None:
    assert can_fuse(download(written[name]).pairs["val"]) is expected


def test_latent_diffusion_does_not_fit_a_single_date_or_unknown_ones(written: dict[str, Path]) -> None:
    assert not can_fuse(download(written["oli2msi"], pairs=ONE).pairs["train"])
    assert not can_fuse(download(written["fmow"], pairs=ONE).pairs["train"])
    assert not can_fuse(Pairs(DateLess(written["fmow"], "train"), TWO))


def test_a_twin_never_has_the_plain_name_of_the_data_set(written: dict[str, Path], tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    for name in READERS:
        twin, real = DataSet(name, DataSetSettings(), here), download(written[name])
        assert twin.title == f"{real.title} (embedded twin)"
        assert real.title == READERS[name].facts.title
        assert twin.folder == tmp_path / "data" / "tiny-sets" / name
        assert real.folder == written[name]


def test_digest_of_a_twin_is_that_of_its_manifest(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    here.results.mkdir(parents=True)
    manifest = {"probav": {"sha256": "0123456789abcdef" * 4}, "fmow": {"sha256": "f" * 64}}
    (here.results / "data_sets.json").write_text(json.dumps(manifest))
    first = DataSet("probav", DataSetSettings(), here).digest
    assert first != DataSet("fmow", DataSetSettings(), here).digest
    manifest["probav"]["sha256"] = "1" * 64
    (here.results / "data_sets.json").write_text(json.dumps(manifest))
    assert first != DataSet("probav", DataSetSettings(), here).digest


@pytest.fixture
def own(written: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a data set that a test may change."""
    return lambda name: Path(shutil.copytree(written[name], tmp_path / name))


def test_digest_of_a_download_follows_its_files(own: Callable[[str], Path]) -> None:
    folder = own("oli2msi")
    before = download(folder, pairs=ONE).found()
    assert download(folder, pairs=ONE).found() == before
    path = folder / "test_hr" / f"{make_oli2msi.TEST[0]}.TIF"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    later = download(folder, pairs=ONE).found()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    longer = download(folder, pairs=ONE).found()
    for kind in ("lr", "hr"):
        (folder / f"train_{kind}" / f"{make_oli2msi.TRAIN[0]}.TIF").unlink()
    fewer = download(folder, pairs=ONE).found()
    assert len({found["sha256"] for found in (before, later, longer, fewer)}) == 4
    assert (longer["scenes"], fewer["scenes"]) == ({"train": 2, "val": 2, "test": 1}, {"train": 1, "val": 2, "test": 1})


def test_digest_of_a_download_follows_the_dates_in_its_tables(own: Callable[[str], Path]) -> None:
    folder = own("worldstrat")
    before, pair = download(folder).found(), download(folder).pairs["train"].pair(0)
    path = folder / "metadata.csv"
    path.write_text(path.read_text().replace("2020-01-05,2.5", "2020-03-05,2.5"))  # of HR
    assert download(folder).pairs["train"].pair(0).day == pair.day + 60
    assert download(folder).found() != before


def test_digest_of_a_download_follows_its_splits(own: Callable[[str], Path]) -> None:
    folder = own("worldstrat")
    before = download(folder).found()
    path = folder / "stratified_train_val_test_split.csv"
    lines = list(csv.reader(path.read_text().splitlines()))
    last = max(row[1] for row in lines if row[-1] == "train" and row[1] in make_worldstrat.PLACES)
    moved = [[*row[:-1], "val"] if row[1] == last else row for row in lines]
    path.write_text("\n".join(map(",".join, moved)) + "\n")
    assert last in download(folder).readers["val"].tiles
    assert download(folder).found() != before


def leaks(dataset: DataSet) -> dict[str, object]:
    return leakage(dataset.title, dataset.pairs, dataset.settings.leakage)


def test_splits_without_a_common_region_are_accepted(written: dict[str, Path]) -> None:
    found = pd.DataFrame([leaks(download(written[name])) for name in ("probav", "fmow")]).set_index("data set")
    assert found["regions in two splits"].tolist() == [0, 0]
    assert found["too close"].tolist() == [0, 0]
    assert found.loc["PROBA-V", ["stated distance, m", "nearest, m"]].isna().all(), "it publishes no coordinates"
    assert found.loc[FMoW.facts.title, "nearest, m"] == pytest.approx(1000, rel=0.01)  # scenes lie 1 km apart
    assert found.loc[FMoW.facts.title, "stated distance, m"] == pytest.approx(320 * 2**0.5)


def test_a_region_in_two_splits_is_refused_by_name(own: Callable[[str], Path]) -> None:
    folder = own("oli2msi")
    region = OLI2MSI(folder, "train").region(make_oli2msi.TRAIN[0])
    write_regions(folder, [(make_oli2msi.TEST[0], region)])
    with pytest.raises(ValueError, match=rf"OLI2MSI: region {region} lies in train and test: .*regions\.json"):
        leaks(download(folder, pairs=ONE))


def close_fmow(folder: Path) -> Path:
    """Write places that overlap by two thirds, each a region of its own."""
    scenes = [replace(fmow_scene(n, split), corner=(5e5 + 100 * n, 4e6)) for n, split in enumerate(SPLITS)]
    write_set(folder, scenes)
    return folder


def test_places_that_touch_across_splits_are_refused_by_name(tmp_path: Path) -> None:
    message = r"fMoW.*: val tile \S+ lies 100 m from training tile \S+, expected at least 453 m .*`leakage: report`"
    with pytest.raises(ValueError, match=message):
        leaks(download(close_fmow(tmp_path / "fmow")))


def test_a_published_split_may_be_used_as_it_is_and_its_leakage_is_reported(tmp_path: Path) -> None:
    folder = close_fmow(tmp_path / "fmow")
    settings = DataSetSettings(path=str(folder), pairs=TWO, leakage="report")
    assert leaks(DataSet("fmow", settings, Workspace(Path("unused"), "tiny")))["too close"] == 2


def test_the_sharded_form_takes_the_place_of_the_layout(written: dict[str, Path], tmp_path: Path) -> None:
    for split in SPLITS:
        write_shards(FMoW(written["fmow"], split), FMoW.facts.bands_in, tmp_path / "fmow")
    there, shards = download(written["fmow"]), download(tmp_path / "fmow")
    assert isinstance(shards.readers["train"], Shards)
    assert shards.title == there.title
    for split in SPLITS:
        a, b = shards.pairs[split].pair(0), there.pairs[split].pair(0)
        torch.testing.assert_close((a.lr, a.hr, a.dt_days), (b.lr, b.hr, b.dt_days))


def test_the_scale_of_the_paper_is_a_choice(written: dict[str, Path]) -> None:
    settings = DataSetSettings(path=str(written["probav"]), pairs=TWO, treatment="paper-time")
    dataset = DataSet("probav", settings, Workspace(Path("unused"), "tiny"))
    assert dataset.title == "PROBA-V as x4"
    pairs = dataset.pairs["train"]
    pair = pairs.pair(0)
    assert pairs.scale == pair.scale == 4
    assert pair.hr.shape[-1] == 4 * pair.lr.shape[-1]
    assert pair.gsd_m == 75


def test_counts_are_those_of_the_reader(written: dict[str, Path]) -> None:
    found = counted(download(written["oli2msi"], pairs=ONE).pairs)
    assert found == {
        "train": 2,
        "val": 2,
        "test": 1,
        "frames": "1 to 1",
        "LR px": "4 x 6",
        "HR px": "12 x 18",
        "km2": pytest.approx(5 * 0.12 * 0.18),
    }


def test_comparison_says_what_is_not_available_beside_what_is_counted() -> None:
    facts = (S2NAIP.facts, ProbaV.facts, WorldStrat.facts)
    counts = {"s2naip": {"train": 9, "km2": 1.0}, "probav": {"train": 5, "km2": 12.3456}}
    counts["worldstrat"] = {"train": 7, "km2": 1.0}
    found = comparison(facts, counts).set_index("data set")
    unknown = found.loc["PROBA-V", ["years", "pairs", "area, km2", "size, GB"]]
    assert unknown.tolist() == ["not available"] * 4
    assert found.loc["WorldStrat", ["pairs", "area, km2", "size, GB"]].tolist() == ["3,928", "10,000", "107"]
    assert found["scale"].tolist() == ["x4", "x3", "x4"]
    assert found.loc["PROBA-V", ["here: train", "here: km2"]].tolist() == ["5", "12.35"]
    assert found["here: train"].tolist() == ["9", "5", "7"]


def test_areas_of_thousands_of_km2_are_written_out() -> None:
    counts = {"probav": {"km2": 26_542.08}}
    assert comparison([ProbaV.facts], counts)["here: km2"].item().replace(",", "") in ("26542", "26540", "26542.08")


def test_facts_are_listed_with_every_note() -> None:
    found = facts_table(WorldStrat.facts).set_index("what").said
    assert found["LR"] == "Sentinel-2 L1C, 10 m"
    assert found["bands used"] == "b04, b03, b02 to red, green, blue"
    assert tuple(found[["note"]]) == WorldStrat.facts.notes


def test_ground_area_follows_the_cosine_of_the_latitude() -> None:
    found = ground_area(1_200_000).set_index("latitude of")
    tile_km = 2 * math.pi * 6378.137 / 2**17  # Web Mercator, zoom 17
    assert found.km2["equator"] == pytest.approx(1.2e6 * tile_km**2, rel=1e-6)
    assert found.km2["equator"] == pytest.approx(1.2e6 * 0.305748**2, rel=1e-5)
    for place in found.index:
        share = math.cos(math.radians(found.degrees[place])) ** 2
        assert found.km2[place] / found.km2["equator"] == pytest.approx(share)
    assert ground_area(600).km2[0] == pytest.approx(found.km2["equator"] / 2000)


def test_statistics_of_bands_leave_masked_pixels_out(written: dict[str, Path]) -> None:
    pairs = Pairs(FMoW(written["fmow"], "train"), PairSettings(dates=3, bands=()))
    found = band_statistics(pairs).set_index(["image", "band"])
    seen = np.repeat([0.1, 0.12, 0.14], [1, 2, 2]) / 0.3558  # half of the first date is masked
    for band in ("b04", "b03", "b02"):
        assert found["mean"]["LR", band] == pytest.approx(seen.mean(), abs=1e-3)
        assert found["standard deviation"]["LR", band] == pytest.approx(seen.std(), abs=1e-3)
    assert found["mean"]["HR", "red"] == pytest.approx(0.2 / 0.3558, abs=3 / 255)
    assert list(found.index) == [("LR", b) for b in ("b04", "b03", "b02")] + [
        ("HR", b) for b in ("red", "green", "blue")
    ]


def test_time_gaps_are_signed_and_masks_are_shares(written: dict[str, Path]) -> None:
    every = PairSettings(dates=3, bands=())
    sets = {split: Pairs(FMoW(written["fmow"], split), every) for split in SPLITS}
    found = time_gaps(sets).set_index("split")
    assert list(found.index) == list(SPLITS)
    assert found.loc["val", ["pairs", "earliest", "median", "latest"]].tolist() == [1, -375, -10, 356]
    assert found.loc["val", "LR masked"] == pytest.approx(1 / 6)
    assert found.loc["val", "HR masked"] == 0


def test_time_gaps_without_dates_are_not_numbers(written: dict[str, Path]) -> None:
    found = time_gaps({"val": Pairs(ProbaV(written["probav"], "val"), TWO)})
    assert found[["earliest", "median", "latest"]].isna().all(axis=None)
    assert found["HR masked"].item() == pytest.approx(1 / 24)


def test_one_metric_of_all_data_sets_side_by_side() -> None:
    main = pd.concat([table(main=[30, 31.26], other=[20]), table(other=[25]).assign(protocol="published")])
    found = beside_main(main, "psnr", "corrected", 1)
    assert list(found.columns) == ["main", "other"]
    assert found.loc["a"].tolist() == ["30.0 [29.5, 30.5]", "20.0 [19.5, 20.5]"]
    assert found.loc["b"].tolist() == ["31.3 [30.8, 31.8]", "not run in this profile"]


def test_a_data_set_without_the_metric_keeps_its_column() -> None:
    main = pd.concat([table(main=[30, 31]), table(other=[1, 2]).assign(metric="cpsnr"), table(third=[4, 5])])
    found = beside_main(main, "psnr", "corrected", 0)
    assert list(found.columns) == ["main", "other", "third"]
    assert set(found.other) == {"not run in this profile"}


def test_methods_keep_their_order_beside_each_other() -> None:
    main = table(main=[30, 31, 29], other=[1, 2, 3])
    main["method"] = main.method.map({"a": "sr3", "b": "bicubic", "c": "esrgan"})
    assert list(beside_main(main, "psnr", "corrected", 0).index) == ["sr3", "bicubic", "esrgan"]


def test_order_of_methods_by_kendalls_tau() -> None:
    found = same_order(
        table(main=[1, 2, 3, 4], same=[10, 20, 30, 40], reversed=[4, 3, 2, 1], swapped=[2, 1, 3, 4], two=[1, 2])
    )
    assert list(found.columns) == ["same", "reversed", "swapped", "two"]
    assert found.loc["psnr", ["same", "reversed"]].tolist() == [1, -1]
    assert found.loc["psnr", "swapped"] == pytest.approx(4 / 6)  # five pairs agree, one does not
    assert math.isnan(found.loc["psnr", "two"])


def test_order_is_that_of_corrected_means_and_of_methods_in_common() -> None:
    main = table(main=[1, 2, 3, 4], other=[1, 2, 3])
    published = table(other=[3, 2, 1]).assign(protocol="published")
    alone = table(other=[1, 2, 3]).assign(metric="cpsnr_probav")
    found = same_order(pd.concat([main, published, alone]))
    assert found.to_dict() == {"other": {"psnr": 1.0}}, "a metric that the main data set lacks is left out"
