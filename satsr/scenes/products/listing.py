"""The files of a product: in a folder, or in a zip that is read where it lies and never unpacked."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from satsr.common.stray import is_stray

LOOSE = re.compile(r"^(?P<stem>.*?)_?(?:B\d{2}|B8A|TCI|SCL)(?:_\d{2}m)?\.(?:jp2|tiff?)$", re.IGNORECASE)


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
        try:
            with zipfile.ZipFile(self.root) as archive:
                return archive.read(name)
        except (zipfile.BadZipFile, RuntimeError, OSError) as error:
            raise ValueError(f"{self.label(name)} cannot be read ({error}): download the zip again") from None


def list_product(path: Path) -> Listing:
    """List the files of one product.

    Args:
        path: a `.SAFE` folder or a folder with one in it, a zip, a folder of band files, or one band file, which
            stands for its neighbours with the same name before `_B04`.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: not one product, or a zip that cannot be read or has members outside its own folder.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: expected a .SAFE folder, its zip, or band files")
    if path.is_dir():
        return _list_folder(path)
    if loose := LOOSE.match(path.name):
        return Listing(path.parent, tuple(_siblings(path.parent, loose["stem"])), zipped=False)
    return _list_zip(path)


def _list_folder(folder: Path) -> Listing:
    inside = sorted(folder.glob("*.SAFE"))
    if len(inside) > 1:
        raise ValueError(f"{folder} holds {len(inside)} products, expected one: give {inside[0].name} and its like")
    root = inside[0] if inside else folder
    # A folder of loose bands may be anything, such as a user's downloads, so it is not searched in depth.
    files = root.rglob("*") if (root / "GRANULE").is_dir() else root.iterdir()
    names = sorted(f.relative_to(root) for f in files if f.is_file())
    return Listing(root, tuple(n.as_posix() for n in names if not is_stray(n)), zipped=False)


def _siblings(folder: Path, stem: str) -> Iterator[str]:
    for file in sorted(folder.iterdir()):
        match = LOOSE.match(file.name)
        if (match and match["stem"] == stem) or file.name.startswith("MTD_") or file.suffix == ".json":
            yield file.name


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
    names = [n for n in names if not is_stray(PurePosixPath(n))]
    folders = {p for n in names for p in PurePosixPath(n).parts if p.endswith(".SAFE")}
    if len(folders) > 1:
        raise ValueError(f"{path} holds {len(folders)} products, expected one: zip each .SAFE folder by itself")
    return Listing(path, tuple(names), zipped=True)


def _climbs(name: str) -> bool:
    return name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts
