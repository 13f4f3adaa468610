"""Reading image files that are to be scored: types, bands, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from satsr.evaluation.score_files import read_image
from tests.data.readers.image_files import as_tensor, picture, write_picture, write_tiff


def test_integers_of_8_and_16_bit_and_floats_hold_the_same_image(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "8.png", 0)
    write_tiff(tmp_path / "8.tif", image, photometric="RGB")
    write_tiff(tmp_path / "16.tif", image.astype(np.uint16) * 257, photometric="RGB")
    write_tiff(tmp_path / "32.tif", image.astype(np.float32) / 255)
    write_tiff(tmp_path / "64.tif", image.astype(np.float64) / 255)
    for name in ("8.png", "8.tif", "16.tif", "32.tif", "64.tif"):
        torch.testing.assert_close(read_image(tmp_path / name), as_tensor(image, 255), rtol=0, atol=1e-7)


def test_gray_and_16_bit_png_and_jpeg_are_read(tmp_path: Path) -> None:
    gray = write_picture(tmp_path / "gray.png", 0, bands=1)
    assert torch.equal(read_image(tmp_path / "gray.png"), as_tensor(gray, 255))
    deep = gray[..., 0].astype(np.uint16) * 200
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert torch.equal(read_image(tmp_path / "deep.png"), as_tensor(deep[..., None], 65535))
    color = tmp_path / "color.jpg"
    Image.fromarray(picture(0)).save(color, subsampling=0)  # libraries differ in how they enlarge color
    expected = as_tensor(np.asarray(Image.open(color)), 255)
    torch.testing.assert_close(read_image(color), expected, rtol=0, atol=2.5 / 255)


def test_alpha_is_dropped_and_near_infrared_is_not(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "alpha.png", 0, bands=4)
    assert torch.equal(read_image(tmp_path / "alpha.png"), as_tensor(image[..., :3], 255))
    Image.fromarray(image[..., :2], mode="LA").save(tmp_path / "gray_alpha.png")
    assert torch.equal(read_image(tmp_path / "gray_alpha.png"), as_tensor(image[..., :1], 255))
    write_tiff(tmp_path / "bands.tif", image, photometric="RGB", alpha="unspecified")
    assert torch.equal(read_image(tmp_path / "bands.tif"), as_tensor(image, 255))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((9, 9, 1), 1.5, np.float32), r"got float values in \[1\.5, 1\.5\], expected \[0, 1\]"),
        (np.full((9, 9, 1), np.nan, np.float32), r"got float values in \[nan, nan\]"),
        (np.full((9, 9, 1), 7, np.int16), "got int16 values, expected uint8, uint16 or float"),
    ],
)
def test_other_values_are_refused(tmp_path: Path, image: NDArray[np.generic], message: str) -> None:
    write_tiff(tmp_path / "odd.tif", image)
    with pytest.raises(ValueError, match=rf"odd\.tif: {message}"):
        read_image(tmp_path / "odd.tif")


@pytest.mark.parametrize("mode", ["P", "1"])
def test_palettes_and_packed_bits_are_refused(tmp_path: Path, mode: str) -> None:
    Image.fromarray(picture(0)).convert(mode).save(tmp_path / "odd.png")
    with pytest.raises(ValueError, match=r"odd\.png: got a palette or packed bits"):
        read_image(tmp_path / "odd.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    file = tmp_path / f"cut.{suffix}"
    write_picture(file, 0)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=rf"cut\.{suffix} cannot be read .*: make or download it again"):
        read_image(file)
