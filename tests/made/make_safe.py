"""Made-up Sentinel-2 products with the real names and the parts that a reader looks at; written with rasterio alone.

Real products have many more files. Names, places and XML elements are those of ESA's product specification; JP2 files
are lossless, so that tests can compare values exactly.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

# The instrument's bands in the order of `band_id`, with their pixels in metres.
GSD_M = dict(B01=60, B02=10, B03=10, B04=10, B05=20, B06=20, B07=20, B08=10, B8A=20, B09=60, B10=60, B11=20, B12=20)
LOSSLESS = {"driver": "JP2OpenJPEG", "QUALITY": 100, "REVERSIBLE": "YES", "YCBCR420": "NO"}


@dataclass(frozen=True)
class Made:
    """What to write.

    Attributes:
        level: `1C` or `2A`.
        day: `YYYYMMDD`.
        baseline: `NNNN` of the name; the offset is written from 0400.
        tile: with its CRS below.
        crs: of the tile.
        corner: north-west, a multiple of 60 m.
        side_m: a multiple of 60.
        counts: band -> (h, w) of its counts in a product without an offset; others come from `seed`.
        cloud: bool at 20 m (SCL) or 60 m (CLASSI), the whole tile.
        mask: how level 1C says it: `CLASSI`, `CLOUDS` (outlines; one box) or nothing.
        offset: in the XML; None writes no list.
        bands: those written.
    """

    level: str = "1C"
    day: str = "20200611"
    baseline: str = "0500"
    tile: str = "33UUU"
    crs: str = "EPSG:32633"
    corner: tuple[float, float] = (330_000.0, 5_822_040.0)
    side_m: int = 960
    seed: int = 0
    counts: dict[str, NDArray[np.uint16]] = field(default_factory=dict)
    cloud: NDArray[np.bool_] | None = None
    mask: str = "CLASSI"
    offset: int | None = -1000
    bands: tuple[str, ...] = tuple(GSD_M)

    @property
    def name(self) -> str:
        return f"S2A_MSIL{self.level}_{self.day}T102101_N{self.baseline}_R065_T{self.tile}_{self.day}T141500"

    def clean(self, band: str) -> NDArray[np.uint16]:
        """Counts of a band as a product without an offset stores them: reflectance times 10,000."""
        if band in self.counts:
            return self.counts[band]
        side = self.side_m // GSD_M[band]
        rng = np.random.default_rng([self.seed, list(GSD_M).index(band)])
        return rng.integers(200, 9000, (side, side)).astype(np.uint16)

    def stored(self, band: str) -> NDArray[np.uint16]:
        """Counts in the file: 0 stays no data."""
        clean = self.clean(band)
        added = -(self.offset or 0) if self.baseline >= "0400" else 0
        return np.where(clean > 0, clean + added, 0).astype(np.uint16)


def write(folder: Path, made: Made = Made()) -> Path:
    """Write one `.SAFE` folder and return it."""
    safe = folder / f"{made.name}.SAFE"
    granule = safe / "GRANULE" / f"L{made.level}_T{made.tile}_A026000_{made.day}T102101"
    stem = f"T{made.tile}_{made.day}T102101"
    for band in made.bands:
        if made.level == "2A" and band == "B10":
            continue  # cirrus is used up by the atmospheric correction
        for gsd in _resolutions(made, band):
            name = f"R{gsd}m/{stem}_{band}_{gsd}m.jp2" if made.level == "2A" else f"{stem}_{band}.jp2"
            step = gsd // GSD_M[band]
            _raster(granule / "IMG_DATA" / name, made, made.stored(band)[None, ::step, ::step])
    _true_colour(granule / "IMG_DATA", stem, made)
    _masks(granule, stem, made)
    (safe / f"MTD_MSIL{made.level}.xml").write_text(_xml(made))
    return safe


def zipped(safe: Path) -> Path:
    """Zip a `.SAFE` folder as the download does, and return the zip."""
    path = safe.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in safe.rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(safe.parent))
    return path


def loose(folder: Path, made: Made) -> Path:
    """Write loose bands with the product's own names, and return their folder."""
    for band in made.bands:
        _raster(folder / f"T{made.tile}_{made.day}T102101_{band}.jp2", made, made.stored(band)[None])
    return folder


def _resolutions(made: Made, band: str) -> tuple[int, ...]:
    """Level 2A repeats 10 m bands at 20 m; a reader must take the finest."""
    return (10, 20) if made.level == "2A" and GSD_M[band] == 10 and band != "B08" else (GSD_M[band],)


def _raster(path: Path, made: Made, image: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixel = made.side_m / image.shape[-1]
    place = {"crs": made.crs, "transform": from_origin(*made.corner, pixel, pixel)}
    size = {"count": len(image), "height": image.shape[1], "width": image.shape[2], "dtype": image.dtype}
    with rasterio.open(path, "w", **LOSSLESS, **size, **place) as file:
        file.write(image)


def _true_colour(images: Path, stem: str, made: Made) -> None:
    """Write a picture that cannot be taken for one computed from the bands: 7, 8 and 9."""
    side = made.side_m // 10
    picture = np.empty((3, side, side), np.uint8)
    picture[:] = np.array([7, 8, 9])[:, None, None]
    name = f"R10m/{stem}_TCI_10m.jp2" if made.level == "2A" else f"{stem}_TCI.jp2"
    _raster(images / name, made, picture)


def _masks(granule: Path, stem: str, made: Made) -> None:
    cloud = np.zeros((made.side_m // 60,) * 2, bool) if made.cloud is None else made.cloud
    quality = granule / "QI_DATA"
    quality.mkdir(parents=True, exist_ok=True)
    # Named after a band: a reader must not take it for the band.
    _raster(quality / "MSK_DETFOO_B04.jp2", made, np.ones((1, made.side_m // 10, made.side_m // 10), np.uint8))
    if made.level == "2A":
        classes = np.where(np.kron(cloud, np.ones((3, 3), bool)), 9, 4).astype(np.uint8)
        _raster(granule / "IMG_DATA" / "R20m" / f"{stem}_SCL_20m.jp2", made, classes[None])
    elif made.mask == "CLASSI":
        layers = np.stack([cloud, np.zeros_like(cloud), ~cloud]).astype(np.uint8)  # opaque, cirrus, snow
        _raster(quality / "MSK_CLASSI_B00.jp2", made, layers)
    elif made.mask == "CLOUDS":
        (quality / "MSK_CLOUDS_B00.gml").write_text(_outlines(made, cloud))


def _outlines(made: Made, cloud: NDArray[np.bool_]) -> str:
    """One box around the cloudy pixels, in the words of a real file."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" gml:id="M">'
    )
    if not cloud.any():
        return f"{head}</eop:Mask>\n"
    rows, columns = np.nonzero(cloud)
    x, y = made.corner
    left, right = x + 60 * columns.min(), x + 60 * (columns.max() + 1)
    top, bottom = y - 60 * rows.min(), y - 60 * (rows.max() + 1)
    ring = f"{left} {top} {right} {top} {right} {bottom} {left} {bottom} {left} {top}"
    return (
        f'{head}<gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs:EPSG:8.7:{made.crs[5:]}"/></gml:boundedBy>'
        '<eop:maskMembers><eop:MaskFeature gml:id="OPAQUE.0">'
        '<eop:maskType codeSpace="urn:gs2:S2PDGS:maskType">OPAQUE</eop:maskType><eop:extentOf>'
        '<gml:Polygon gml:id="OPAQUE.0_Polygon"><gml:exterior><gml:LinearRing>'
        f'<gml:posList srsDimension="2">{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>'
        "</eop:extentOf></eop:MaskFeature></eop:maskMembers></eop:Mask>\n"
    )


def _xml(made: Made) -> str:
    day = f"{made.day[:4]}-{made.day[4:6]}-{made.day[6:]}"
    tag, group, quantification = (
        (
            "RADIO_ADD_OFFSET",
            "Radiometric_Offset_List",
            "<QUANTIFICATION_VALUE unit='none'>10000</QUANTIFICATION_VALUE>",
        )
        if made.level == "1C"
        else (
            "BOA_ADD_OFFSET",
            "BOA_ADD_OFFSET_VALUES_LIST",
            "<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit='none'>10000</BOA_QUANTIFICATION_VALUE>"
            "<AOT_QUANTIFICATION_VALUE unit='none'>1000.0</AOT_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>",
        )
    )
    values = "".join(f'<{tag} band_id="{n}">{made.offset}</{tag}>' for n in range(len(GSD_M)))
    offsets = f"<{group}>{values}</{group}>" if made.baseline >= "0400" and made.offset is not None else ""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        f'<n1:Level-{made.level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/">'
        f"<n1:General_Info><Product_Info><PRODUCT_START_TIME>{day}T10:21:01.026Z</PRODUCT_START_TIME>"
        f"<PROCESSING_LEVEL>Level-{made.level}</PROCESSING_LEVEL>"
        f"<PROCESSING_BASELINE>{made.baseline[:2]}.{made.baseline[2:]}</PROCESSING_BASELINE></Product_Info>"
        f"<Product_Image_Characteristics>{quantification}{offsets}</Product_Image_Characteristics>"
        f"</n1:General_Info></n1:Level-{made.level}_User_Product>\n"
    )
