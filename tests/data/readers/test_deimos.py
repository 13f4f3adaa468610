"""Patches with a Deimos image: made-up ones, and the real one where it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from satsr.data.readers.deimos import DeimosPatches
from tests.data.readers.days import date_of

RGB = ("b04", "b03", "b02")


def write(folder: Path, hr_px: int = 32) -> np.ndarray:
    series = np.random.default_rng(0).uniform(0.05, 0.3, (2, 8, 8, 4))
    hr = np.random.default_rng(1).normal(0, 1, (hr_px, hr_px, 4)).astype(np.float32)
    stamps = {"timestamps_s2": np.array(["2020-06-18T09:45:19", "2020-08-09T00:00:00"])}
    np.savez(
        folder / "one.npz", features=series, labels=hr, timetamps_deimos=np.array(["2020-08-07T09:25:18"]), **stamps
    )
    return series


def test_bands_dates_and_scale(tmp_path: Path) -> None:
    series = write(tmp_path)
    found = DeimosPatches(tmp_path, "test").sample("one", RGB)
    np.testing.assert_allclose(found.series, series[..., [2, 1, 0]], rtol=1e-6)
    assert (found.days - found.day).tolist() == [-50, 2]
    assert date_of(found.day) == date(2020, 8, 7)
    middle = np.median(series, axis=0)[..., [2, 1, 0]]
    np.testing.assert_allclose(found.hr.mean(axis=(0, 1)), middle.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(found.hr.std(axis=(0, 1)), middle.std(axis=(0, 1)), rtol=1e-4)


def test_bad_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, hr_px=30)
    with pytest.raises(ValueError, match=r"one\.npz: got HR \(30, 30\) for LR \(8, 8\)"):
        DeimosPatches(tmp_path, "test").sample("one", RGB)
    (tmp_path / "one.npz").write_bytes((tmp_path / "one.npz").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"one\.npz cannot be read"):
        DeimosPatches(tmp_path, "test").sample("one", RGB)


def test_the_real_patch_is_a_pair_of_one_place(real: Path) -> None:
    folder = real / "misr_deimos"
    if not folder.is_dir():
        pytest.skip("no misr_deimos in the folder of real imagery")
    reader = DeimosPatches(folder, "test")
    found = reader.sample(reader.tiles[0], RGB)
    assert found.series.shape == (5, 32, 32, 3)
    assert found.hr.shape == (128, 128, 3)
    assert (found.days < found.day).all()
    coarse = found.hr.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    correlation = [np.corrcoef(coarse[..., 1].ravel(), frame[..., 1].ravel())[0, 1] for frame in found.series]
    assert max(correlation) > 0.8  # the same ground, the same way round
