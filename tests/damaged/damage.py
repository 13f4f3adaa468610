"""Seeded damage to valid files: what cut downloads, full disks, wrong tools and slips of the hand make of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Damage = Callable[[bytes, np.random.Generator], bytes]


def cut(good: bytes, rng: np.random.Generator) -> bytes:
    return good[: rng.integers(0, max(1, len(good)))]


def emptied(good: bytes, rng: np.random.Generator) -> bytes:
    return b""


def flipped(good: bytes, rng: np.random.Generator) -> bytes:
    bad = bytearray(good)
    for at in rng.integers(0, max(1, len(bad)), 1 + rng.integers(8)):
        if at < len(bad):
            bad[at] ^= 1 << rng.integers(8)
    return bytes(bad)


def zeroed(good: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(0, max(1, len(good))))
    length = min(int(rng.integers(1, 512)), len(good) - start)
    return good[:start] + bytes(max(0, length)) + good[start + max(0, length) :]


def repeated(good: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(0, max(1, len(good))))
    part = good[start : start + int(rng.integers(1, 256))]
    return good[:start] + part + good[start:]


def noise(good: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(1, 2_000)))


def page(good: bytes, rng: np.random.Generator) -> bytes:
    return b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please log in</body></html>"


def numbers(good: bytes, rng: np.random.Generator) -> bytes:
    """Replace one number of a text by one that cannot be."""
    digits = [at for at, byte in enumerate(good[:200_000]) if chr(byte).isdigit()]
    if not digits:
        return good
    at = digits[int(rng.integers(len(digits)))]
    wrong = (b"-1", b"nan", b"inf", b"1e309", b"x", b"99999999999", b"0", b"")
    return good[:at] + wrong[int(rng.integers(len(wrong)))] + good[at + 1 :]


def other_text(good: bytes, rng: np.random.Generator) -> bytes:
    words = (
        b"[]",
        b"{}",
        b"null",
        b"a,b\n1,2\n",
        b"\xff\xfe" + "a,b".encode("utf-16-le"),
        b"\x00" * 64,
        b"<a/>",
        b": :",
    )
    return words[int(rng.integers(len(words)))]


EVERY: tuple[Damage, ...] = (cut, emptied, flipped, zeroed, repeated, noise, page, numbers, other_text)
