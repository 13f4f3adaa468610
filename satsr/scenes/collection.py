"""An area too large for one file: a folder of images with their STAC items, a mosaic and a STAC collection.

Every block is a Cloud-Optimized GeoTIFF of its own. The mosaic is a virtual raster, which GDAL and QGIS open as one
image; the collection is what a STAC server or a browser of catalogues reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from affine import Affine

from satsr.common.digests import file_digest
from satsr.common.provenance import usable_cores
from satsr.common.writing import write_whole
from satsr.data.rasters import open_raster
from satsr.scenes.block_file import COLLECTION, Block, BlockFile, Layout, item_path
from satsr.scenes.cog import MOST_THREADS, finish
from satsr.scenes.footprint import footprint
from satsr.scenes.item import SHA256, item_text
from satsr.scenes.mosaic import MOSAIC, write_mosaic
from satsr.scenes.record import Record
from satsr.scenes.verify import REMEDY, Check, Verified, verify

FILE_EXTENSION = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
MOSAIC_ASSET = "mosaic"
TIMES = ("start_datetime", "end_datetime")


def finish_collection(blocks: BlockFile, record: Record) -> Path:
    """Make the folder of blocks that are all written, give it its name, and remove the blocks.

    An image that an earlier try finished is not made again.

    Args:
        blocks: none missing.
        record: of all of them.

    Returns:
        The folder.

    Raises:
        ValueError: blocks are missing.
        OSError: something cannot be written, or does not hold what was written; what had the name stays.
    """
    if missing := blocks.missing():
        raise ValueError(f"{len(missing)} of {len(blocks.blocks())} blocks of {blocks.path} are missing: write them")
    made = blocks.folder / blocks.path.name
    made.mkdir(exist_ok=True)
    with ThreadPoolExecutor(max(1, usable_cores() // MOST_THREADS)) as several:
        members = list(several.map(partial(_finish_member, blocks, made, record), blocks.blocks()))
    write_mosaic(blocks, record.tags(), path=made / MOSAIC, file=lambda block: _member(blocks, made, block))
    write_whole(made / COLLECTION, _collection_text(blocks.layout, members, record))
    if blocks.path.exists():
        os.replace(blocks.path, blocks.folder / "replaced")
    os.replace(made, blocks.path)
    blocks.remove()
    return blocks.path


def _member(blocks: BlockFile, folder: Path, block: Block) -> Path:
    return folder / f"{blocks.path.name}_{block.row}_{block.column}.tif"


def _finish_member(blocks: BlockFile, folder: Path, record: Record, block: Block) -> Path:
    """Make the image of a block, with its item, and return where it is."""
    path = _member(blocks, folder, block)
    if path.exists() and item_path(path).exists():
        return path
    own, layout = replace(record, title=path.stem), blocks.layout
    place = layout.transform @ Affine.translation(block.column, block.row)
    part = replace(layout, height=block.height, width=block.width, transform=place)
    with open_raster(blocks.file(block)) as file:
        image, shown = file.read(), file.dataset_mask() > 0
    with BlockFile.open(path, part, "", block_px=blocks.block_px, overwrite=True, anew=True) as one:
        one.write(Block(0, 0, block.height, block.width), image, shown)
        return finish(one, tags=own.tags(), item=lambda made: _member_text(made, own, blocks.path.name))


def _member_text(path: Path, record: Record, collection: str) -> str:
    """Return an item that says which collection it belongs to."""
    item = json.loads(item_text(path, record))
    item["collection"] = collection
    link = {"href": f"./{COLLECTION}", "type": "application/json"}
    item["links"] += [{"rel": rel, **link} for rel in ("collection", "parent", "root")]
    return json.dumps(item, indent=1, allow_nan=False) + "\n"


def _collection_text(layout: Layout, members: list[Path], record: Record) -> str:
    import pystac

    facts, folder = record.facts(), members[0].parent
    _, bbox = footprint(layout.transform, (layout.height, layout.width), layout.crs)
    said = json.loads(item_path(members[0]).read_text(encoding="utf-8"))["properties"]
    times = [datetime.fromisoformat(said[name]) for name in TIMES]
    collection = pystac.Collection(
        id=folder.name,
        title=facts["title"],
        description=record.synthetic,
        extent=pystac.Extent(pystac.SpatialExtent([bbox]), pystac.TemporalExtent([times])),
        license="other",
        stac_extensions=[FILE_EXTENSION],
        extra_fields={"satsr:synthetic": True, "satsr:statement": record.synthetic, "satsr:record": facts},
    )
    for member in members:
        beside = item_path(member)
        link = pystac.Link(pystac.RelType.ITEM, f"./{beside.name}", pystac.MediaType.GEOJSON)
        link.extra_fields = _file_facts(beside)
        collection.add_link(link)
    asset = pystac.Asset(f"./{MOSAIC}", "all images as one", None, "application/xml", ["data"])
    asset.extra_fields = _file_facts(folder / MOSAIC)
    collection.add_asset(MOSAIC_ASSET, asset)
    text = collection.to_dict(include_self_link=False, transform_hrefs=False)
    return json.dumps(text, indent=1, allow_nan=False) + "\n"


def _file_facts(path: Path) -> dict[str, Any]:
    return {"file:checksum": SHA256 + file_digest(path), "file:size": path.stat().st_size}


@dataclass(frozen=True)
class VerifiedCollection(Verified):
    """What was found of a folder."""

    @property
    def together(self) -> str:
        """What was compared, in words."""
        return f"The images of {self.path.name} and their records"


def verify_collection(folder: Path) -> VerifiedCollection:
    """Compare all images of a folder with their items, and those and the mosaic with the collection.

    Args:
        folder: that `satsr super-resolve` wrote.

    Raises:
        FileNotFoundError: it holds no collection.
        ValueError: the collection is none that satsr wrote.
    """
    path = folder / COLLECTION
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: expected a folder that satsr super-resolve wrote")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        items = {link["href"]: link for link in said["links"] if link["rel"] == "item"}
        mosaic = said["assets"][MOSAIC_ASSET]
    except (ValueError, KeyError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} is no STAC collection that satsr wrote ({what}): {REMEDY}") from None
    wrong = [*_file_checks(folder, mosaic), *_stray(folder, items)]
    for link in items.values():
        wrong += [*_file_checks(folder, link), *_member_checks(folder / link["href"])]
    passed = Check(not wrong, f"{len(items)} images with their records, and the mosaic")
    return VerifiedCollection(folder, (passed, *wrong))


def _file_checks(folder: Path, noted: dict[str, Any]) -> Iterator[Check]:
    """Yield what is wrong with a file that the collection names."""
    path = folder / noted["href"]
    if not path.is_file():
        yield Check(False, f"{path.name}: missing")
    elif {name: noted.get(name) for name in ("file:checksum", "file:size")} != _file_facts(path):
        yield Check(False, f"{path.name}: another file than the collection says")


def _member_checks(item: Path) -> Iterator[Check]:
    """Yield what is wrong with an image."""
    image = item.with_suffix(".tif")
    try:
        found = verify(image).checks
    except (FileNotFoundError, ValueError) as error:
        found = (Check(False, str(error)),)
    yield from (replace(check, said=f"{image.name}: {check.said}") for check in found if not check.passed)


def _stray(folder: Path, items: dict[str, Any]) -> Iterator[Check]:
    """Yield images that the collection does not name."""
    known = {Path(href).with_suffix(".tif").name for href in items}
    yield from (Check(False, f"{p.name}: not in the collection") for p in folder.glob("*.tif") if p.name not in known)
