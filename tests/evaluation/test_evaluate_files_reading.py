"""Reading image files that are to be scored: types, bands, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import Affine, from_origin

from satsr.evaluation.image_files import ImageFile, alike, read_image
from tests.data.readers.image_files import as_tensor, picture, write_picture, write_tiff


def seen(path: Path, white: float | None = None) -> torch.Tensor:
    return read_image(path, white).image[None]


def test_integers_of_8_and_16_bit_and_floats_hold_the_same_image(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "8.png", 0)
    write_tiff(tmp_path / "8.tif", image, photometric="RGB")
    write_tiff(tmp_path / "16.tif", image.astype(np.uint16) * 257, photometric="RGB")
    write_tiff(tmp_path / "32.tif", image.astype(np.float32) / 255)
    write_tiff(tmp_path / "64.tif", image.astype(np.float64) / 255)
    for name, white in {"8.png": None, "8.tif": None, "16.tif": 65535, "32.tif": None, "64.tif": None}.items():
        torch.testing.assert_close(seen(tmp_path / name, white), as_tensor(image, 255), rtol=0, atol=1e-7)
    assert torch.equal(seen(tmp_path / "8.tif", 10000), as_tensor(image, 255))  # 8 bits have a white of their own


def test_reflectance_is_one_whatever_it_is_stored_as(tmp_path: Path) -> None:
    """Counts with their scale and offset in the file, counts with white given, and floats."""
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 9000, (40, 36, 3)).astype(np.uint16)
    write_tiff(tmp_path / "counts.tif", counts)
    write_tiff(tmp_path / "float.tif", counts.astype(np.float32) / 10000)
    for name, offset in {"tagged.tif": 0, "offset.tif": 1000}.items():
        for kind in (np.uint16, np.int16):
            write_tiff(tmp_path / name, (counts + offset).astype(kind))
            with rasterio.open(tmp_path / name, "r+") as file:
                file.scales, file.offsets = [1e-4] * 3, [-offset / 10000] * 3
            torch.testing.assert_close(seen(tmp_path / name), as_tensor(counts, 10000), rtol=0, atol=1e-6)
            assert "scaled as the file says, by 0.0001 and " in read_image(tmp_path / name).notes[0]
    torch.testing.assert_close(seen(tmp_path / "counts.tif", 10000), as_tensor(counts, 10000))
    torch.testing.assert_close(seen(tmp_path / "float.tif"), as_tensor(counts, 10000))
    with pytest.raises(ValueError, match=r"counts\.tif: got uint16 values that say nothing .*pass --white 10000"):
        read_image(tmp_path / "counts.tif")
    said = read_image(tmp_path / "tagged.tif", 10000)  # the user has the last word
    assert said.notes == (f"{tmp_path / 'tagged.tif'}: its own scale and offset are not used, since white is given",)


def test_gray_and_16_bit_png_and_jpeg_are_read(tmp_path: Path) -> None:
    gray = write_picture(tmp_path / "gray.png", 0, bands=1)
    assert torch.equal(seen(tmp_path / "gray.png"), as_tensor(gray, 255))
    deep = gray[..., 0].astype(np.uint16) * 200
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert torch.equal(seen(tmp_path / "deep.png"), as_tensor(deep[..., None], 65535))
    color = tmp_path / "color.jpg"
    Image.fromarray(picture(0)).save(color, subsampling=0)  # libraries differ in how they enlarge color
    expected = as_tensor(np.asarray(Image.open(color)), 255)
    torch.testing.assert_close(seen(color), expected, rtol=0, atol=2.5 / 255)


def test_alpha_is_transparency_and_near_infrared_is_not(tmp_path: Path) -> None:
    image = write_picture(tmp_path / "bands.tif", 0, bands=4)
    write_tiff(tmp_path / "bands.tif", image, photometric="RGB", alpha="unspecified")
    assert torch.equal(seen(tmp_path / "bands.tif"), as_tensor(image, 255))
    write_tiff(tmp_path / "called.tif", image)  # GDAL calls the fourth of four bytes alpha
    called = read_image(tmp_path / "called.tif")
    assert torch.equal(called.image[None], as_tensor(image, 255))
    assert "band 4 is called alpha and has" in called.notes[0]
    image[..., 3] = 255 * (np.arange(40) >= 10)[:, None]
    for name in ("alpha.tif", "alpha.png"):
        write_tiff(tmp_path / name, image) if name.endswith("tif") else Image.fromarray(image).save(tmp_path / name)
        found = read_image(tmp_path / name)
        assert found.valid.sum() == 30 * 36
        torch.testing.assert_close(found.image[None, :, 10:], as_tensor(image[10:, :, :3], 255))
    Image.fromarray(image[..., [0, 3]], mode="LA").save(tmp_path / "gray.png")
    assert read_image(tmp_path / "gray.png").image.shape[0] == 1


def test_what_is_declared_to_show_nothing_does_not_count(tmp_path: Path) -> None:
    image = picture(0)
    image[:, :12] = 0
    image[5, 20] = (0, 90, 90)  # dark in one band is ground
    write_tiff(tmp_path / "zero.tif", image, nodata=0, photometric="RGB")
    mask = np.full((40, 36), 255, np.uint8)
    mask[:, :12] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_tiff(tmp_path / "mask.tif", image, photometric="RGB")
        with rasterio.open(tmp_path / "mask.tif", "r+") as file:
            file.write_mask(mask)
    floats = image.astype(np.float32) / 255
    floats[:, :12, 1] = -9999  # one band is enough
    write_tiff(tmp_path / "9999.tif", floats, nodata=-9999)
    floats[:, :12, 1] = np.nan
    write_tiff(tmp_path / "nan.tif", floats, nodata=np.nan)
    write_tiff(tmp_path / "undeclared.tif", floats)
    for name in ("zero.tif", "mask.tif", "9999.tif", "nan.tif", "undeclared.tif"):
        found = read_image(tmp_path / name)
        np.testing.assert_array_equal(found.valid, mask > 0, err_msg=name)
        torch.testing.assert_close(found.image[None, ..., 12:], as_tensor(image[:, 12:], 255))
        assert not found.image[..., :12].any()
    write_tiff(tmp_path / "nothing.tif", np.zeros((9, 9, 1), np.uint8), nodata=0)
    with pytest.raises(ValueError, match=r"nothing\.tif: got no pixel that shows anything"):
        read_image(tmp_path / "nothing.tif")


def test_a_palette_becomes_its_colors(tmp_path: Path) -> None:
    flat = Image.fromarray(picture(0)).convert("P", palette=Image.Palette.ADAPTIVE)
    flat.save(tmp_path / "p.png")
    expected = as_tensor(np.asarray(flat.convert("RGB")), 255)
    torch.testing.assert_close(seen(tmp_path / "p.png"), expected)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((9, 9, 1), 1.5, np.float32), r"got values in \[1\.5, 1\.5\] of white, expected \[0, 1\]"),
        (np.full((9, 9, 1), np.nan, np.float32), "got no pixel that shows anything"),
        (np.full((9, 9, 1), 7, np.int16), "got int16 values that say nothing of their scale"),
        (np.zeros((9, 9, 1), np.complex64), "got complex64 values, expected real ones"),
    ],
)
def test_other_values_are_refused(tmp_path: Path, image: NDArray[np.generic], message: str) -> None:
    write_tiff(tmp_path / "odd.tif", image)
    with pytest.raises(ValueError, match=rf"odd\.tif: {message}"):
        read_image(tmp_path / "odd.tif")


def test_packed_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(picture(0)).convert("1").save(tmp_path / "odd.png")
    with pytest.raises(ValueError, match=r"odd\.png: got packed bits"):
        read_image(tmp_path / "odd.png")


PLACE = from_origin(5e5, 5e6, 2.5, 2.5)


def placed(path: Path, image: NDArray[np.generic], transform: Affine = PLACE, crs: str = "EPSG:32633") -> ImageFile:
    height, width, count = image.shape
    kind = {"driver": "GTiff", "height": height, "width": width, "count": count, "dtype": image.dtype}
    with rasterio.open(path, "w", **kind, crs=crs, transform=transform, photometric="RGB") as file:
        file.write(np.moveaxis(image, -1, 0))
    return read_image(path)


def test_rows_from_south_to_north_are_turned(tmp_path: Path) -> None:
    image = picture(0)
    here = placed(tmp_path / "north.tif", image)
    turned = placed(tmp_path / "south.tif", image[::-1], Affine(2.5, 0, 5e5, 0, 2.5, 5e6 - 40 * 2.5))
    assert torch.equal(*(found.image for found in alike(here, turned)))
    assert turned.notes == (f"{tmp_path / 'south.tif'}: rows from south to north were turned",)


@pytest.mark.parametrize(
    ("transform", "crs", "said"),
    [
        (from_origin(5e5 + 1e4, 5e6, 2.5, 2.5), "EPSG:32633", "corners that lie 10000 apart"),
        (PLACE, "EPSG:32634", "EPSG:32633 against EPSG:32634"),
        (from_origin(5e5, 5e6, 10, 10), "EPSG:32633", "pixels of 2.5 against 10"),
        (from_origin(5e5 + 1.25, 5e6, 2.5, 2.5), "EPSG:32633", "corners that lie 1.25 apart"),
    ],
)
def test_images_of_two_places_are_refused_unless_told(tmp_path: Path, transform: Affine, crs: str, said: str) -> None:
    image = picture(0)
    here, there = placed(tmp_path / "a.tif", image), placed(tmp_path / "b.tif", image, transform, crs)
    with pytest.raises(ValueError, match=rf"a\.tif against .*b\.tif: got {said}.*--ignore-place"):
        alike(here, there)
    assert torch.equal(*(found.image for found in alike(here, there, ignore_place=True)))
    Image.fromarray(image).save(tmp_path / "c.png")  # one that says nothing lies anywhere
    alike(read_image(tmp_path / "c.png"), there)


def test_bands_are_brought_into_one_order(tmp_path: Path) -> None:
    image = picture(0)
    for name, bands, order in (("rgb", ("Red", "B03", "blue"), [0, 1, 2]), ("bgr", ("B02", "green", "B04"), [2, 1, 0])):
        write_tiff(tmp_path / f"{name}.tif", np.ascontiguousarray(image[..., order]))
        with rasterio.open(tmp_path / f"{name}.tif", "r+") as file:
            file.descriptions = bands
    sr, hr = alike(*(read_image(tmp_path / f"{name}.tif") for name in ("bgr", "rgb")))
    assert torch.equal(sr.image, hr.image)
    assert "bands blue, green, red were put in the order red, green, blue" in sr.notes[0]
    with rasterio.open(tmp_path / "bgr.tif", "r+") as file:
        file.descriptions = ("B02", "green", "B08")
    with pytest.raises(ValueError, match="got bands blue, green, nir and red, green, blue, expected the same"):
        alike(*(read_image(tmp_path / f"{name}.tif") for name in ("bgr", "rgb")))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    file = tmp_path / f"cut.{suffix}"
    write_picture(file, 0)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=rf"cut\.{suffix} cannot be read .*: make or download it again"):
        read_image(file)


def test_white_of_counts_is_not_that_of_floats_beside_them(tmp_path: Path) -> None:
    """`--white 10000`, which the refusal of counts names, leaves floats up to 1 as they are."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 10_001, (32, 32, 3)).astype(np.uint16)
    counted, floating = tmp_path / "counts.tif", tmp_path / "floats.tif"
    write_tiff(counted, counts)
    write_tiff(floating, (counts / 10_000).astype(np.float32))
    hr, sr = read_image(counted, 10_000), read_image(floating, 10_000)
    assert torch.allclose(hr.image, sr.image, atol=1e-6)
    assert "not divided by --white" in sr.notes[0]
