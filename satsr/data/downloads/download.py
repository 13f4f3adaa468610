"""Downloading a data set: parallel, resumed after a cut, checked, and nothing that is there already a second time.

Every file is written as `NAME.partial` beside a note of what the server said of it (`ETag` or `Last-Modified`), so
that a later run goes on where this one stopped, unless the file has changed. `downloaded.jsonl` in the data set's
folder says what is complete.
"""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from threading import Event

from satsr.common.progress import bytes_in_words
from satsr.data.catalogue import entry_of
from satsr.data.downloads.done import File, Manifest
from satsr.data.downloads.fetch import fetch, partial_size, size_at
from satsr.data.downloads.sources import Remote
from satsr.data.downloads.unpack import ARCHIVES, unpack

THREADS = 4


def get(
    name: str,
    root: Path,
    *,
    shards: int | None = None,
    pattern: str | None = None,
    threads: int = THREADS,
    unpacking: bool = True,
    free: int | None = None,
    context: ssl.SSLContext | None = None,
    remotes: Sequence[Remote] | None = None,
    endpoint: str | None = None,
) -> Path:
    """Download a data set, or go on with it, and unpack its archives.

    Args:
        name: of the data set.
        root: folder that gets a folder of that name.
        shards: only the first so many archives, by name; archives of one name in several folders count as one.
        pattern: only files whose name below the folder fits it (`fnmatch`).
        threads: files at a time.
        unpacking: unpack tar and zip archives into the data set's folder. They are kept.
        free: bytes that may be used; by default what the disk has.
        context: which certificates are trusted; by default the system's, or `$SSL_CERT_FILE`.
        remotes: where from; by default the catalogue.
        endpoint: address of the hub.

    Returns:
        The data set's folder.

    Raises:
        ValueError: nothing to download, a wrong checksum, or an archive that is broken or leaves its folder.
        OSError: too little space, or a server that does not answer; what has come is kept.
    """
    folder, context = root / name, context or ssl.create_default_context()
    files = wanted(_remotes(name, remotes), shards, pattern, endpoint)
    if not files:
        raise ValueError(f"{name}: no file fits pattern {pattern!r}: leave --pattern out to see all of them")
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(folder)
    missing = [file for file in files if not manifest.has(file)]
    missing = _with_sizes(missing, threads, context)
    _check_space(folder, missing, shutil.disk_usage(folder).free if free is None else free)
    _fetch_all(missing, manifest, threads, context)
    if unpacking:
        for file in files:
            if file.unpack:
                unpack(file.name, manifest)
    return folder


def wanted(
    remotes: Iterable[Remote], shards: int | None = None, pattern: str | None = None, endpoint: str | None = None
) -> list[File]:
    """Return the files of some places that fit, sorted by name."""
    found = [file for remote in remotes for file in _files(remote, endpoint)]
    found = sorted((file for file in found if pattern is None or fnmatch(file.name, pattern)), key=lambda f: f.name)
    if shards is None:
        return found
    archives = sorted({PurePosixPath(file.name).name for file in found if _is_archive(file.name)})
    left_out = set(archives[shards:])
    return [file for file in found if PurePosixPath(file.name).name not in left_out]


def _remotes(name: str, given: Sequence[Remote] | None) -> Sequence[Remote]:
    source = entry_of(name).source
    remotes = source.remotes if given is None else given
    if not remotes:
        how = source.by_hand or "it has no download of its own"
        raise ValueError(f"{name} cannot be downloaded by this command: {how}; then run `satsr data check {name}`")
    return remotes


def _files(remote: Remote, endpoint: str | None) -> Iterator[File]:
    if remote.kind == "https":
        yield File(remote.at, remote.name, remote.size, remote.sha256, remote.md5, None, remote.unpack)
        return
    from huggingface_hub import HfApi, get_token, hf_hub_url
    from huggingface_hub.hf_api import RepoFile

    hub, token = HfApi(endpoint=endpoint), get_token()
    # All files come from one commit, even when the repository changes meanwhile.
    commit = hub.repo_info(remote.at, repo_type="dataset").sha
    for entry in hub.list_repo_tree(
        remote.at, remote.name or None, recursive=True, revision=commit, repo_type="dataset"
    ):
        if isinstance(entry, RepoFile) and any(fnmatch(entry.path, pattern) for pattern in remote.patterns):
            url = hf_hub_url(remote.at, entry.path, repo_type="dataset", revision=commit, endpoint=endpoint)
            name = str(PurePosixPath(entry.path).relative_to(remote.name or "."))
            yield File(url, name, entry.size, entry.lfs.sha256 if entry.lfs else None, None, token, remote.unpack)


def _is_archive(name: str) -> bool:
    return name.endswith(ARCHIVES) or ".7z" in PurePosixPath(name).suffixes


def _with_sizes(files: list[File], threads: int, context: ssl.SSLContext) -> list[File]:
    """Ask servers for the sizes that are not published, so that space can be checked."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda file: file if file.size is not None else size_at(file, context), files))


def _check_space(folder: Path, files: Sequence[File], free: int) -> None:
    needed = sum(max((file.size or 0) - partial_size(folder, file), 0) for file in files)
    if needed > free:
        raise OSError(
            f"{folder}: {bytes_in_words(needed)} are still to come, {bytes_in_words(free)} are free: make space, "
            "choose another --root, or take a part with --shards or --pattern"
        )


def _fetch_all(files: Sequence[File], manifest: Manifest, threads: int, context: ssl.SSLContext) -> None:
    """Fetch files in parallel; after an error or an interrupt the others stop too, and keep what they have."""
    stop, total = Event(), sum(file.size or 0 for file in files)
    with _bar(total, len(files)) as advance, ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(fetch, file, manifest, context, advance, stop) for file in files]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _bar(total: int, files: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=not files) as bar:
        task = bar.add_task(f"{files} file" + "s" * (files != 1), total=total or None)
        yield lambda count: bar.advance(task, count)
