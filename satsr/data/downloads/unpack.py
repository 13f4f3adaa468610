"""Unpacking downloaded archives, with nothing written outside their folder."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from satsr.data.downloads.done import Manifest

TARS = (".tar", ".tar.gz", ".tgz")
ARCHIVES = (*TARS, ".zip")


def unpack(name: str, manifest: Manifest) -> None:
    """Unpack one downloaded file into its data set's folder, once; other files than archives are left alone.

    7z has no reader in Python's library: how to unpack it is printed instead.

    Raises:
        ValueError: the archive is broken, or a member lies outside the folder.
    """
    if name.endswith((".7z", ".7z.001")):
        print(f"{manifest.folder / name}: unpack it with `7z x {name} -o{manifest.folder}`, when all parts are there")
    if not name.endswith(ARCHIVES) or manifest.unpacked(name):
        return
    work: Callable[[Path, Path], None] = _unzip if name.endswith(".zip") else _untar
    try:
        work(manifest.folder / name, manifest.folder)
    except (tarfile.FilterError, tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{manifest.folder / name} cannot be unpacked ({error}): remove it and run the command again"
        ) from None
    manifest.add_unpacked(name)


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")  # refuses `..`, links that lead out, and devices


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.namelist():
            # zipfile would write it elsewhere without a word.
            if not (folder / member).resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"member {member} lies outside the folder")
        file.extractall(folder)
