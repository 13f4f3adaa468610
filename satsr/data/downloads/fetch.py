"""One file over https: resumed, checked and noted. `satsr.data.downloads.download` runs several of them."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from threading import Event
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from satsr.common.digests import file_sha256_and_md5
from satsr.common.progress import bytes_in_words
from satsr.common.web_pages import is_web_page
from satsr.data.downloads.done import File, Manifest

TRIES, PAUSE_S, TIMEOUT_S = 5, 0.5, 60.0
LONGEST_S = 120.0  # that a server may ask to wait; for longer, the user is told
PAGES = (".html", ".htm", ".xml", ".gml", ".svg")  # whose files begin as pages do
CHUNK_BYTES = 1 << 20
PASSING = (408, 429, 500, 502, 503, 504)  # what a server says when asking again may help


def fetch(file: File, manifest: Manifest, context: ssl.SSLContext, advance: Callable[[int], None], stop: Event) -> None:
    """Fetch a file, going on where an earlier run or a cut connection left it, and note it when it is good.

    Args:
        file: which.
        manifest: of the folder it goes to.
        context: certificates that are trusted.
        advance: told how many bytes have come.
        stop: set when another file has failed.

    Raises:
        OSError: the server does not answer or has no such file; what has come is kept.
        ValueError: a wrong checksum; the file is removed.
    """
    target = manifest.folder / file.name
    if not target.resolve().is_relative_to(manifest.folder.resolve()):
        raise ValueError(f"{file.url}: got the name {file.name}, expected one below {manifest.folder}")
    partial = _partial(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    advance(_size(partial))
    _go_on_and_on(file, partial, context, advance, stop)
    if stop.is_set():
        return
    found = _check(file, partial)
    os.replace(partial, target)
    _note_of(partial).unlink(missing_ok=True)
    manifest.add(file.name, *found)


def size_at(file: File, context: ssl.SSLContext) -> File:
    """Return the file with the size that its server tells; without one where it does not."""
    try:
        with _answer(_request(file, "HEAD"), context) as response:
            length = response.headers.get("Content-Length")
    except (OSError, HTTPException):  # some servers refuse HEAD; fetching says what is wrong
        return file
    return replace(file, size=int(length)) if length else file


def partial_size(folder: Path, file: File) -> int:
    """Return how many bytes of an unfinished file are there."""
    return _size(_partial(folder / file.name))


def _go_on_and_on(
    file: File, partial: Path, context: ssl.SSLContext, advance: Callable[[int], None], stop: Event
) -> None:
    """Ask again after a cut, until the server has given nothing new for some time."""
    failed = 0
    while not stop.is_set():
        before = _size(partial)
        try:
            return _go_on(file, partial, context, advance, stop)
        except (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
            failed = 0 if _size(partial) > before else failed + 1
            asked = _asked_to_wait(error)
            if asked > LONGEST_S:
                raise OSError(f"{file.url}: {error}: the server asks to wait {asked:.0f} s: go on then") from None
            if failed == TRIES or not _may_pass(error):
                raise OSError(f"{file.url}: {error}: run the command again to go on, or see the data's page") from None
        stop.wait(max(asked, PAUSE_S * 2**failed))


def _go_on(file: File, partial: Path, context: ssl.SSLContext, advance: Callable[[int], None], stop: Event) -> None:
    """Ask for what is missing and append it; start anew when the server has another file by now."""
    have, note = _size(partial), _note_of(partial)
    known = note.read_text() if have and note.is_file() else ""
    request = _request(file)
    if known:
        # If-Range: the server sends the rest of the file that the note names, or the whole of a newer one.
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known)
    try:
        response = _answer(request, context)
    except HTTPError as error:
        if error.code != 416:
            raise
        if error.headers.get("Content-Range", "") == f"bytes */{have}":
            return  # complete already
        advance(-have)
        _forget(partial)
        raise ConnectionError("the file there is another one by now") from None
    with response:
        rest = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        same = _validator(response) in ("", known)
        if not (rest and same):
            advance(-have)
            _forget(partial)
        if rest and not same:
            raise ConnectionError("the file there is another one by now")
        note.write_text(_validator(response))
        with partial.open("ab") as out:
            _copy(response, out, advance, stop)


def _copy(response: HTTPResponse, out: BinaryIO, advance: Callable[[int], None], stop: Event) -> None:
    length, got = response.headers.get("Content-Length"), 0
    while not stop.is_set() and (chunk := response.read(CHUNK_BYTES)):
        out.write(chunk)
        got += len(chunk)
        advance(len(chunk))
    if length is not None and got != int(length) and not stop.is_set():
        raise ConnectionError(f"the connection was cut after {bytes_in_words(got)} of {bytes_in_words(int(length))}")


def _check(file: File, partial: Path) -> tuple[str, str]:
    """Compare size and digests with what is published, and return the digests."""
    if is_web_page(partial) and not file.name.endswith(PAGES):
        _forget(partial)
        raise ValueError(
            f"{file.url}: got a web page, expected {file.name}: open that address in a browser, which may ask to log "
            "in, and run the command again; nothing was kept"
        )
    size, (sha256, md5) = partial.stat().st_size, file_sha256_and_md5(partial)
    pairs = (("size", size, file.size), ("sha256", sha256, file.sha256), ("md5", md5, file.md5))
    wrong = [f"{kind} {got}, expected {expected}" for kind, got, expected in pairs if expected not in (None, got)]
    if wrong:
        _forget(partial)
        raise ValueError(f"{file.url}: got {'; '.join(wrong)}: the file was removed, run the command again")
    return sha256, md5


def _answer(request: Request, context: ssl.SSLContext) -> HTTPResponse:
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT_S, context=context)
        return response
    except HTTPError as error:
        error.close()  # it holds the connection
        raise


def _request(file: File, method: str = "GET") -> Request:
    # Without identity a server may compress, and ranges and sizes would be those of the compressed form.
    request = Request(file.url, headers={"Accept-Encoding": "identity", "User-Agent": "satsr"}, method=method)
    if file.token:
        request.add_unredirected_header("Authorization", f"Bearer {file.token}")  # not for the store it leads to
    return request


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, HTTPError):
        return error.code in PASSING
    reason = getattr(error, "reason", error)
    return not isinstance(reason, ssl.SSLCertVerificationError)


def _asked_to_wait(error: BaseException) -> float:
    """Return how many seconds the server asks to wait (Retry-After, in seconds or as a date); 0 where it does not."""
    said = error.headers.get("Retry-After", "") if isinstance(error, HTTPError) and error.headers else ""
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return 0.0


def _validator(response: HTTPResponse) -> str:
    """Return what If-Range accepts: a strong ETag, else the date; empty for neither."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _partial(target: Path) -> Path:
    return target.with_name(target.name + ".partial")


def _note_of(partial: Path) -> Path:
    return partial.with_name(partial.name + ".note")


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _note_of(partial).unlink(missing_ok=True)
