"""Downloading over https: resumed, checked, parallel, never twice, and nothing outside its folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest

from satsr.data.downloads.done import MANIFEST
from satsr.data.downloads.download import get, wanted
from satsr.data.downloads.sources import Remote
from tests.data.downloads.file_server import Server, serving

NAME = "probav"
BYTES = np.random.default_rng(0).bytes(3_000_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        running.files["/a.bin"] = BYTES
        yield running


def remote(server: Server, name: str = "a.bin", **facts: object) -> Remote:
    return Remote("https", f"{server.url}/{name}", name, **facts)  # type: ignore[arg-type]


def run(server: Server, root: Path, *remotes: Remote, **options: object) -> Path:
    return get(NAME, root, remotes=remotes or [remote(server)], context=server.context, **options)  # type: ignore[arg-type]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_cut_connection_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.cut["/a.bin"] = 1_234_567
    folder = run(server, tmp_path, remote(server, sha256=sha256(BYTES)))
    assert (folder / "a.bin").read_bytes() == BYTES
    assert server.gets("/a.bin") == [None, "bytes=1234567-"]
    assert sorted(p.name for p in folder.iterdir()) == ["a.bin", MANIFEST]


def test_a_later_run_goes_on_where_an_interrupted_one_was(server: Server, tmp_path: Path) -> None:
    interrupt_after(server, tmp_path, 2_000_000)
    folder = run(server, tmp_path)
    assert (folder / "a.bin").read_bytes() == BYTES
    assert server.gets("/a.bin") == ["bytes=2000000-"]


def test_a_file_that_has_changed_meanwhile_starts_anew(server: Server, tmp_path: Path) -> None:
    interrupt_after(server, tmp_path, 2_000_000)
    server.files["/a.bin"] = newer = BYTES[::-1]
    assert (run(server, tmp_path) / "a.bin").read_bytes() == newer


def test_a_file_that_was_complete_but_not_yet_checked_is_not_asked_for_twice(server: Server, tmp_path: Path) -> None:
    interrupt_after(server, tmp_path, 2_000_000)
    partial = tmp_path / NAME / "a.bin.partial"
    partial.write_bytes(BYTES)
    assert (run(server, tmp_path) / "a.bin").read_bytes() == BYTES
    assert server.gets("/a.bin") == [f"bytes={len(BYTES)}-"]


def interrupt_after(server: Server, root: Path, count: int) -> None:
    """Leave what a run leaves that has ended after so many bytes."""
    server.cut["/a.bin"], server.down = count, True
    with pytest.raises(OSError, match=r"a\.bin: HTTP Error 404.*run the command again"):
        run(server, root)
    assert (root / NAME / "a.bin.partial").stat().st_size == count
    server.down = False
    server.asked.clear()


@pytest.mark.parametrize("facts", [{"sha256": "0" * 64}, {"md5": "0" * 32}, {"size": 5}])
def test_wrong_checksum_leaves_no_file(server: Server, tmp_path: Path, facts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=rf"a\.bin: got {next(iter(facts))} .*, expected .* the file was removed"):
        run(server, tmp_path, remote(server, **facts))
    assert list((tmp_path / NAME).iterdir()) == []


def test_nothing_good_is_downloaded_twice(server: Server, tmp_path: Path) -> None:
    folder = run(server, tmp_path)
    server.asked.clear()
    run(server, tmp_path, remote(server, sha256=sha256(BYTES)))
    assert server.asked == []
    (folder / "a.bin").write_bytes(BYTES[:-1] + b"?")  # of the same size
    run(server, tmp_path)
    assert (folder / "a.bin").read_bytes() == BYTES


def test_a_file_that_someone_put_there_is_taken_when_its_digest_is_right(server: Server, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "a.bin").write_bytes(BYTES)
    run(server, tmp_path, remote(server, sha256=sha256(BYTES)))
    assert server.asked == []


def test_a_manifest_whose_last_line_was_cut_still_counts(server: Server, tmp_path: Path) -> None:
    server.files["/b.bin"] = BYTES[:100]
    folder = run(server, tmp_path, remote(server), remote(server, "b.bin"), threads=1)
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text()[:-20])
    server.asked.clear()
    run(server, tmp_path, remote(server), remote(server, "b.bin"))
    assert {path for _, path, _ in server.asked} == {"/b.bin"}
    assert len(manifest.read_text().splitlines()) == 2


def test_many_files_at_a_time(server: Server, tmp_path: Path) -> None:
    names = [f"part-{number:02d}.bin" for number in range(20)]
    for number, name in enumerate(names):
        server.files[f"/{name}"] = bytes([number]) * 10_000
    server.cut["/part-07.bin"] = 99
    folder = run(server, tmp_path, *(remote(server, name) for name in names), threads=8)
    assert [(folder / name).read_bytes()[0] for name in names] == list(range(20))
    assert all((folder / name).stat().st_size == 10_000 for name in names)


def test_one_missing_file_stops_the_others_and_keeps_what_is_complete(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.bin: HTTP Error 404"):
        run(server, tmp_path, remote(server), remote(server, "gone.bin"), threads=1)
    assert (tmp_path / NAME / "a.bin").read_bytes() == BYTES


@pytest.mark.parametrize("facts", [{}, {"size": len(BYTES)}])  # asked of the server, and published
def test_full_disk_is_seen_before_anything_comes(server: Server, tmp_path: Path, facts: dict[str, object]) -> None:
    with pytest.raises(OSError, match=r"3 MB are still to come, 2 MB are free.*--shards"):
        run(server, tmp_path, remote(server, **facts), free=2_000_000)
    assert server.gets("/a.bin") == []


def test_what_is_there_already_needs_no_space(server: Server, tmp_path: Path) -> None:
    interrupt_after(server, tmp_path, 2_000_000)
    run(server, tmp_path, free=1_000_000)


def test_an_unknown_certificate_is_refused_at_once(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"CERTIFICATE_VERIFY_FAILED"):
        get(NAME, tmp_path, remotes=[remote(server, size=5)])


def test_the_environment_may_name_the_certificates(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    assert (get(NAME, tmp_path, remotes=[remote(server)]) / "a.bin").read_bytes() == BYTES


# Which files


def test_shards_and_pattern_choose_files() -> None:
    names = ("naip_1/a.tar", "naip_1/b.tar", "sentinel2_1/a.tar", "sentinel2_1/b.tar", "readme.csv")
    remotes = [Remote("https", f"https://example.org/{name}", name) for name in names]
    assert [file.name for file in wanted(remotes, shards=1)] == ["naip_1/a.tar", "readme.csv", "sentinel2_1/a.tar"]
    assert [file.name for file in wanted(remotes, pattern="naip_*")] == ["naip_1/a.tar", "naip_1/b.tar"]
    assert len(wanted(remotes)) == 5


def test_no_file_fits(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no file fits pattern 'x\*'"):
        run(server, tmp_path, pattern="x*")


def test_what_has_to_be_fetched_by_hand_says_how(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"oli2msi cannot be downloaded by this command: .*shared drive"):
        get("oli2msi", tmp_path)


def test_files_of_a_hub_repository(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    repository, commit = "datasets/made/up", "c" * 40
    data = {"set/one.7z.001": BYTES, "set/two.bin": b"two", "set/other.txt": b"other"}
    tree = [
        {"type": "file", "path": "set/one.7z.001", "size": len(BYTES), "oid": "1", "lfs": lfs(BYTES)},
        {"type": "file", "path": "set/two.bin", "size": 3, "oid": "2"},
        {"type": "file", "path": "set/other.txt", "size": 5, "oid": "3"},
        {"type": "directory", "path": "set/deep", "oid": "4"},
    ]
    server.pages = {f"/api/{repository}": {"id": "made/up", "sha": commit}, f"/api/{repository}/revision/main": {}}
    server.pages[f"/api/{repository}/tree/{commit}/set"] = tree
    server.files |= {f"/{repository}/resolve/{commit}/{path}": body for path, body in data.items()}
    hub = Remote("hub", "made/up", "set", ("*.001", "*.bin"))
    folder = run(server, tmp_path, hub, endpoint=server.url)
    assert sorted(p.name for p in folder.iterdir()) == [MANIFEST, "one.7z.001", "two.bin"]
    assert (folder / "one.7z.001").read_bytes() == BYTES


def lfs(data: bytes) -> dict[str, object]:
    return {"size": len(data), "oid": sha256(data), "pointerSize": 130}


# Archives


def test_archives_are_unpacked_once(server: Server, tmp_path: Path) -> None:
    server.files |= {"/a.tar.gz": tar({"deep/one.txt": b"1"}, "w:gz"), "/b.zip": zipped({"deep/two.txt": b"2"})}
    remotes = [remote(server, "a.tar.gz"), remote(server, "b.zip")]
    folder = run(server, tmp_path, *remotes)
    assert [(folder / "deep" / f"{name}.txt").read_text() for name in ("one", "two")] == ["1", "2"]
    (folder / "deep" / "one.txt").unlink()
    run(server, tmp_path, *remotes)
    assert not (folder / "deep" / "one.txt").exists()


@pytest.mark.parametrize(
    ("kind", "member"), [("tar", "../outside.txt"), ("zip", "../outside.txt"), ("zip", "/outside.txt")]
)
def test_a_member_that_climbs_out_is_refused(server: Server, tmp_path: Path, kind: str, member: str) -> None:
    made = {member: b"!"}
    server.files[f"/a.{kind}"] = tar(made) if kind == "tar" else zipped(made)
    with pytest.raises(ValueError, match=r"cannot be unpacked \(.*outside"):
        run(server, tmp_path, remote(server, f"a.{kind}"))
    assert not list(tmp_path.rglob("outside.txt"))
    assert not Path("/outside.txt").exists()


def test_a_link_that_leads_out_is_refused(server: Server, tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "../.."
    server.files["/a.tar"] = tar({}, extra=link)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        run(server, tmp_path, remote(server, "a.tar"))


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip"])
def test_a_broken_archive_names_the_file(server: Server, tmp_path: Path, name: str) -> None:
    whole = {"a.tar": tar({"x": BYTES}), "a.tar.gz": tar({"x": BYTES}, "w:gz"), "a.zip": zipped({"x": BYTES})}[name]
    server.files[f"/{name}"] = whole[:100_000]
    with pytest.raises(ValueError, match=rf"{name} cannot be unpacked .*remove it"):
        run(server, tmp_path, remote(server, name))


def test_seven_zip_says_how(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.files["/a.7z.001"] = b"7z"
    run(server, tmp_path, remote(server, "a.7z.001"))
    assert "unpack it with `7z x" in capsys.readouterr().out


def test_archives_that_a_reader_reads_stay_as_they_are(server: Server, tmp_path: Path) -> None:
    server.files["/a.tar"] = tar({"one.txt": b"1"})
    assert not (run(server, tmp_path, remote(server, "a.tar", unpack=False)) / "one.txt").exists()


def test_a_name_that_climbs_out_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected one below"):
        run(server, tmp_path, Remote("https", f"{server.url}/a.bin", "../../a.bin"))


def tar(files: dict[str, bytes], mode: str = "w", extra: tarfile.TarInfo | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        if extra:
            archive.addfile(extra)
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_web_page_in_place_of_a_file_is_called_one_and_does_not_block_the_next_try(
    server: Server, tmp_path: Path
) -> None:
    server.files["/a.zip"] = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
    for _ in range(2):
        with pytest.raises(ValueError, match=r"/a\.zip: got a web page, expected a\.zip: open that address"):
            run(server, tmp_path, remote(server, "a.zip"))
        assert [path.name for path in (tmp_path / NAME).iterdir()] == []
    server.files["/a.zip"] = zipped({"in.txt": b"good"})
    assert (run(server, tmp_path, remote(server, "a.zip")) / "in.txt").read_bytes() == b"good"


def test_a_busy_server_is_given_the_time_it_asks_for(server: Server, tmp_path: Path) -> None:
    server.busy = "2"
    begun = time.monotonic()
    assert (run(server, tmp_path) / "a.bin").read_bytes() == BYTES
    assert time.monotonic() - begun >= 2
    assert len(server.gets("/a.bin")) == 2


def test_a_server_that_asks_for_hours_is_told_to_the_user(server: Server, tmp_path: Path) -> None:
    server.busy = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with pytest.raises(OSError, match=r"asks to wait 3[56]\d\d s: go on then"):
        run(server, tmp_path)
