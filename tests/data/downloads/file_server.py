"""A server of some files over https on this machine, with a certificate of its own, that can cut a connection."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Server:
    """What is served and what was asked.

    Attributes:
        url: start of every address.
        files: path -> bytes.
        pages: path without its query -> JSON.
        cut: path -> after so many bytes the next answer ends.
        down: answer 404 after a cut.
        busy: what the next GET is told to wait (Retry-After), with status 503; empty for no wait.
        asked: method, path and Range of every request.
        authority: certificate that a client has to trust.
    """

    def __init__(self, authority: Path) -> None:
        self.url, self.authority = "", authority
        self.files: dict[str, bytes] = {}
        self.pages: dict[str, object] = {}
        self.cut: dict[str, int] = {}
        self.down, self.was_cut = False, False
        self.busy = ""
        self.asked: list[tuple[str, str, str | None]] = []

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))

    def gets(self, path: str) -> list[str | None]:
        """Return the Range of every GET of a path."""
        return [told for method, asked, told in self.asked if (method, asked) == ("GET", path)]


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    certificate, key = write_certificate(folder)
    server = Server(certificate)
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": server}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    server.url = f"https://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "authority.pem", folder / "key.pem"
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Server

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, with_body: bool) -> None:
        path = self.path.split("?")[0]
        self.served.asked.append((self.command, path, self.headers.get("Range")))
        page = self.served.pages.get(path)
        if with_body and self.served.busy:
            self.send_response(503)
            self.send_header("Retry-After", self.served.busy)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.served.busy = ""
            return
        body = json.dumps(page).encode() if page is not None else self.served.files.get(path)
        if body is None or (self.served.down and self.served.was_cut):
            self.send_error(404)
            return
        tag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        start = self._start(tag)
        if start and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("ETag", tag)
        self.send_header("Content-Type", "application/json" if page is not None else "application/octet-stream")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if with_body:
            cut = self.served.cut.pop(path, None)
            self.wfile.write(body[start:] if cut is None else body[start : start + cut])
            self.served.was_cut = cut is not None
            self.close_connection = cut is not None or self.close_connection

    def _start(self, tag: str) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(asked[1]) if asked and self.headers.get("If-Range", tag) == tag else 0
