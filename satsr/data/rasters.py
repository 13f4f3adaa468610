"""Rasters that GDAL reads and writes (GeoTIFF, JPEG 2000), with errors that name the file and the remedy."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from satsr.common.writing import whole_file
from satsr.data.images import AGAIN

if TYPE_CHECKING:
    from rasterio.transform import Affine


@contextmanager
def open_raster(source: Path | str | bytes, name: str = "", remedy: str = AGAIN) -> Iterator[Any]:
    """Open a raster with rasterio, with or without a place on earth.

    Args:
        source: a file, what GDAL finds by another name such as a file inside an archive, or a file's bytes.
        name: how errors name it; by default its path.
        remedy: what errors tell to do.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is truncated or no raster, which may show while it is read.
    """
    import rasterio
    from rasterio._err import CPLE_BaseError  # what GDAL says of a damaged tag comes as this, and has no public name
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import MemoryFile

    name = name or str(source)
    if isinstance(source, Path) and not source.is_file():
        raise FileNotFoundError(f"{name} is missing: {remedy}")
    try:
        with ExitStack() as opened:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # WorldStrat's HR files have no place
                if isinstance(source, bytes):
                    file = opened.enter_context(opened.enter_context(MemoryFile(source)).open())
                else:
                    file = opened.enter_context(rasterio.open(source))
            yield file
    except (RasterioError, CPLE_BaseError) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise ValueError(f"{name} cannot be read ({reason}): {remedy}") from None


def write_geotiff(
    path: Path,
    image: NDArray[Any],
    crs: Any,
    transform: Affine,
    names: Sequence[str] = (),
    mask: NDArray[Any] | None = None,
    tags: Mapping[str, str] = MappingProxyType({}),
    **creation: object,
) -> None:
    """Write an image as a deflated GeoTIFF, making its folder; the file takes its place only when it is whole.

    Args:
        path: of the file.
        image: (C, H, W).
        crs: its coordinate system.
        transform: from pixels to coordinates.
        names: of the bands.
        mask: bool (H, W), the pixels that show something; kept inside the file.
        tags: what else is said of it.
        creation: further options of GDAL's driver.

    Raises:
        OSError: it cannot be written, with the system's own reason.
    """
    import rasterio
    from rasterio.io import MemoryFile

    count, height, width = image.shape
    kind = {"driver": "GTiff", "height": height, "width": width, "count": count, "dtype": image.dtype}
    # GDAL, writing to the disk, does not say why it failed.
    with whole_file(path) as partial, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        with memory.open(**kind, crs=crs, transform=transform, compress="deflate", **creation) as file:
            file.write(image)
            if mask is not None:
                file.write_mask(mask)
            for band, band_name in enumerate(names, start=1):
                file.set_band_description(band, band_name)
            if tags:  # saying that there are none moves the file's header to its end
                file.update_tags(**tags)
        partial.write_bytes(memory.read())


def north_up(corner: tuple[float, float], pixel: float) -> Affine:
    """Return the transform of square pixels whose north-west corner is given, north up, in the coordinates' units."""
    from rasterio.transform import from_origin

    return from_origin(*corner, pixel, pixel)
