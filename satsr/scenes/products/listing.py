"""The files of a product: in a folder, or in a zip that is read where it lies and never unpacked."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from satsr.common.stray import is_stray

LOOSE = re.compile(
    r"^(?P<stem>.*?)_?(?:(?:FRE|SRE)_B\d{1,2}|(?:FRE_|SRE_)?B8A|B\d{2}|TCI|SCL)(?:_\d{2}m)?\.(?:jp2|tiff?)$",
    re.IGNORECASE,
)
TCI = re.compile(r"(?:^|[/_])TCI(?P<gsd>_\d{2}m)?\.\w+$", re.IGNORECASE)  # ESA's true-colour image
GRANULES = "GRANULE"
GRANULE_IMAGE = re.compile(r"(?:^|/)GRANULE/(?P<name>[^/]+)/IMG_DATA/")
STACK = (".tif", ".tiff", ".jp2", ".vrt")  # one file with all bands, or a picture, may have any name
PHOTOS = (".png", ".jpg", ".jpeg")
ZARR = (".zarray", ".zattrs", ".zgroup", ".zmetadata")  # a Zarr store's words about itself
THEIA_MASKS = "MASKS"  # folder of a Theia product
CHUNK = 1 << 20  # bytes of a zip that are checked at a time


@dataclass(frozen=True)
class Listing:
    """What a product consists of.

    Attributes:
        root: the folder or the zip.
        names: files in it, relative and with `/`, sorted.
        zipped: whether `root` is a zip.
    """

    root: Path
    names: tuple[str, ...]
    zipped: bool
    _whole: set[str] = field(default_factory=set, repr=False, compare=False)

    def opens(self, name: str) -> str:
        """Return what rasterio opens for a file."""
        # Braces end the archive's name for GDAL, whatever its ending is.
        return f"/vsizip/{{{self.root.resolve()}}}/{name}" if self.zipped else str(self.root / name)

    def label(self, name: str) -> str:
        """Return how messages name a file."""
        return str(self.root / name)

    def read(self, name: str) -> bytes:
        """Return a small file's content.

        Raises:
            ValueError: the zip holds a damaged copy.
        """
        if not self.zipped:
            return (self.root / name).read_bytes()
        with self._archive(name) as archive:
            return archive.read(name)

    def check(self, name: str) -> None:
        """Compare a file of a zip, or all files of a Zarr array in it, with its checksum; once, as GDAL does not.

        Raises:
            ValueError: the zip holds a damaged copy.
        """
        if not self.zipped or name in self._whole:
            return
        with self._archive(name) as archive:
            for member in archive.namelist():
                if member == name or member.startswith(f"{name}/"):
                    with archive.open(member) as file:
                        while file.read(CHUNK):
                            pass  # the last piece is followed by a comparison with the checksum
        self._whole.add(name)

    @contextmanager
    def _archive(self, name: str) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.root) as archive:
                yield archive
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise ValueError(f"{self.label(name)} cannot be read ({error}): download the zip again") from None


def list_product(path: Path) -> Listing:
    """List the files of one product.

    Args:
        path: a `.SAFE` or `.zarr` folder or a folder with one in it, one granule's folder in a `.SAFE`, a zip, a folder
            of band files, one band file, which stands for its neighbours with the same name before `_B04`, or one file
            (GeoTIFF, JP2, VRT) with all bands, or a picture.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: not one product, or a zip that cannot be read or has members outside its own folder.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: expected a .SAFE folder, its zip, or band files")
    if path.is_dir():
        return _list_granule(path) if path.parent.name == GRANULES else _list_folder(path)
    if loose := LOOSE.match(path.name):
        names = _siblings(path.parent, loose["stem"])
        return Listing(
            path.parent, tuple(n for n in names if n == path.name or not _is_other(n, path.name)), zipped=False
        )
    if path.suffix.lower() in STACK:
        return Listing(path.parent, (path.name,), zipped=False)
    if path.suffix.lower() in PHOTOS:
        raise ValueError(
            f"{path} has no place in it, expected a GeoTIFF, JPEG 2000 or VRT: write it so, with its CRS and corners "
            "(gdal_translate -a_srs EPSG:32633 -a_ullr left top right bottom)"
        )
    return _list_zip(path)


def granules(listing: Listing) -> list[str]:
    """Return the names of the granules (tiles) that have images; products had several of them until 2016."""
    found = {m["name"] for n in listing.names if (m := GRANULE_IMAGE.search(n))}
    return sorted(found)


def _list_granule(folder: Path) -> Listing:
    """List one granule, and what its product says of all of them."""
    whole = _list_folder(folder.parents[1])
    own = f"{GRANULES}/{folder.name}/"
    return Listing(
        whole.root, tuple(n for n in whole.names if n.startswith(own) or not n.startswith(f"{GRANULES}/")), zipped=False
    )


def _list_folder(folder: Path) -> Listing:
    inside = sorted((*folder.glob("*.SAFE"), *folder.glob("*.zarr")))
    if len(inside) > 1:
        raise ValueError(f"{folder} holds {len(inside)} products, expected one: give {inside[0].name} and its like")
    root = inside[0] if inside else folder
    # A folder of loose bands may be anything, such as a user's downloads, so it is not searched in depth.
    deep = (root / GRANULES).is_dir() or is_zarr(root)
    files = root.rglob("*") if deep else (*root.iterdir(), *(root / THEIA_MASKS).glob("*"))
    names = sorted(f.relative_to(root) for f in files if f.is_file())
    return Listing(root, tuple(n.as_posix() for n in names if _of_product(n)), zipped=False)


def is_zarr(root: Path) -> bool:
    """Return whether a folder is a Zarr store."""
    return root.suffix == ".zarr" or any((root / name).is_file() for name in (*ZARR, "zarr.json"))


def _of_product(name: PurePath) -> bool:
    return name.name in ZARR or not is_stray(name)


def _siblings(folder: Path, stem: str) -> Iterator[str]:
    for file in sorted(folder.iterdir()):
        match = LOOSE.match(file.name)
        if (match and match["stem"] == stem) or file.name.startswith("MTD_") or file.suffix == ".json":
            yield file.name


def _is_other(name: str, given: str) -> bool:
    """Return whether a file is a true-colour image, beside another that is meant."""
    return TCI.search(name) is not None and TCI.search(given) is not None


def _list_zip(path: Path) -> Listing:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if not n.endswith("/"))
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(
            f"{path} is neither a readable zip nor a band file ({error}): download the product again"
        ) from None
    for name in names:
        if _climbs(name):
            raise ValueError(f"{path} has a member outside its folder ({name!r}): do not use this zip, get it anew")
    names = [n for n in names if _of_product(PurePosixPath(n))]
    folders = {p for n in names for p in PurePosixPath(n).parts if p.endswith((".SAFE", ".zarr"))}
    if len(folders) > 1:
        raise ValueError(f"{path} holds {len(folders)} products, expected one: zip each .SAFE folder by itself")
    return Listing(path, tuple(names), zipped=True)


def _climbs(name: str) -> bool:
    return name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts
