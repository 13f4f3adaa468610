"""Files that look like those of a data set's places, and that no place reads: misnamed, or left over."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from satsr.data.reader import Reader

Parts = tuple[str, ...]  # of a path below the data set's folder
Owner = tuple[str, str]  # split and tile

# fMoW's reader pairs some of the images of a place; the others are not misnamed.
PARTLY_READ = ("fmow",)


class Known:
    """The files that places read, by the folders above them.

    Attributes:
        files: all of them.
        owners: folder -> the places whose files lie somewhere in it: one, or None for several.
        shapes: folder -> how deep below it files lie, and their suffixes.
        names: folder -> names of the files directly in it.
        tops: for each split the deepest folder that holds all its files.
        untold: places of which nothing tells the files, so that none with such a name is misnamed.
    """

    def __init__(self, readers: Sequence[Reader]) -> None:
        self.files: set[Parts] = set()
        self.owners: dict[Parts, Owner | None] = {}
        self.shapes: defaultdict[Parts, set[tuple[int, str]]] = defaultdict(set)
        self.names: defaultdict[Parts, set[str]] = defaultdict(set)
        self.tops: dict[str, Parts] = {}
        self.untold: list[str] = []
        for reader in readers:
            for tile in reader.tiles:
                try:
                    files = reader.files(tile)
                except (ValueError, OSError):  # the place's own finding says why
                    self.untold.append(tile)
                    continue
                for path in files:
                    self.add(path.relative_to(reader.folder).parts, (reader.split, tile))
        self.finish()

    def finish(self) -> None:
        """Learn how names are built, when all files are known."""
        self.patterns = {folder: _patterns(names) for folder, names in self.names.items()}

    def add(self, parts: Parts, owner: Owner) -> None:
        """Add a file of a place."""
        self.files.add(parts)
        self.names[parts[:-1]].add(parts[-1])
        self.tops[owner[0]] = _common(self.tops.get(owner[0], parts[:-1]), parts[:-1])
        for depth in range(len(parts)):
            above = parts[:depth]
            self.owners[above] = owner if self.owners.get(above, owner) == owner else None
            self.shapes[above].add((len(parts) - depth, _suffix(parts)))

    def looks_like_one(self, parts: Parts, incomplete: set[Owner]) -> bool:
        """Return whether an unread file lies where files of places lie.

        Other bands and sidecars lie in the folders of places too. So in a place's own folder it has to look like a
        file that the place lacks, and in a folder of many places' files its name has to be built like theirs.
        """
        if any(tile in part for tile in self.untold for part in parts):
            return False
        above = next(parts[:depth] for depth in range(len(parts) - 1, -1, -1) if parts[:depth] in self.owners)
        owner, deep = self.owners[above], len(parts) - len(above)
        if owner is not None:
            return owner in incomplete and deep == 1 and bool(get_close_matches(parts[-1], self.names[above]))
        if deep == 1:
            pattern, numbers = _taken_apart(parts[-1])
            fixed = self.patterns.get(above, {}).get(pattern)
            return fixed is not None and all(f in (None, n) for f, n in zip(fixed, numbers, strict=True))
        within = any(above[: len(top)] == top for top in self.tops.values())
        # A further folder beside those of the places holds another product.
        return bool(above) and within and (deep, _suffix(parts)) in self.shapes[above]

    def split_of(self, parts: Parts) -> str:
        """Return the split whose folder a file lies in; empty where splits share it."""
        found = [split for split, top in self.tops.items() if parts[: len(top)] == top]
        return found[0] if len(found) == 1 else ""


def misnamed(readers: Sequence[Reader], incomplete: set[Owner]) -> Iterator[tuple[str, str]]:
    """Find misnamed files; nothing when a reader does not tell its files.

    Args:
        readers: of all splits on disk.
        incomplete: split and tile of places that lack a file.

    Yields:
        split and name below the data set's folder.
    """
    try:
        known = Known(readers)
    except NotImplementedError:
        return
    if not known.files or readers[0].facts.name in PARTLY_READ:
        return
    root = readers[0].folder
    for folder, _, names in os.walk(root):
        above = tuple(os.path.relpath(folder, root).split(os.sep)) if folder != str(root) else ()
        for name in names:
            parts = (*above, name)
            if parts not in known.files and known.looks_like_one(parts, incomplete):
                yield known.split_of(parts), "/".join(parts)


def _common(a: Parts, b: Parts) -> Parts:
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return a[:same]


def _suffix(parts: Parts) -> str:
    return os.path.splitext(parts[-1])[1].lower()


def _patterns(names: Iterable[str]) -> dict[str, list[str | None]]:
    """Return how names are built: without their numbers, and with those that are the same in all, such as a band's."""
    found: dict[str, list[str | None]] = {}
    for name in names:
        pattern, numbers = _taken_apart(name)
        before = found.setdefault(pattern, list(numbers))
        found[pattern] = [a if a == b else None for a, b in zip(before, numbers, strict=True)]
    return found


def _taken_apart(name: str) -> tuple[str, list[str]]:
    return re.sub(r"\d+", "0", name), re.findall(r"\d+", name)
