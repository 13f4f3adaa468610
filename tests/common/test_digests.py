"""Digests: the published algorithms, and what may and may not change them."""

from __future__ import annotations

import os
from pathlib import Path

from satsr.common.digests import (
    content_digest,
    file_digest,
    file_sha256_and_md5,
    status_digest,
    text_digest,
    text_number,
    tree_digest,
)

# FIPS 180-4 and RFC 1321, of "abc".
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
MD5 = "900150983cd24fb0d6963f7d28e17f72"


def test_digests_are_the_published_ones(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    assert text_digest("abc") == content_digest([b"a", memoryview(b"bc")]) == file_digest(file) == SHA256
    assert file_sha256_and_md5(file) == (SHA256, MD5)


def test_a_text_s_number_is_its_digest_s_first_eight_bytes() -> None:
    assert text_number("abc") == int.from_bytes(bytes.fromhex(SHA256)[:8], "big")


def test_a_tree_is_its_names_and_contents(tmp_path: Path) -> None:
    def tree(name: str, files: dict[str, str]) -> str:
        for file, text in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(text)
        return tree_digest(tmp_path / name)

    first = tree("a", {"x": "1", "y/z": "2"})
    assert tree("b", {"y/z": "2", "x": "1"}) == first
    assert len({first, tree("c", {"x": "2", "y/z": "2"}), tree("d", {"x": "1", "y/w": "2"})}) == 3


def test_status_is_name_size_and_time_in_any_order(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "gone")]
    for path in paths[:2]:
        path.write_text("same size")
        os.utime(path, ns=(1, 1))
    first = status_digest(tmp_path, paths)
    assert status_digest(tmp_path, [*reversed(paths), tmp_path, paths[0]]) == first
    paths[0].write_text("SAME SIZE")
    os.utime(paths[0], ns=(1, 1))
    assert status_digest(tmp_path, paths) == first
    os.utime(paths[0], ns=(2, 2))
    assert status_digest(tmp_path, paths) != first
