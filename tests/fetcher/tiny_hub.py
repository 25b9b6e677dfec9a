"""A hub of a few lines on loopback that misbehaves on demand: what the fetcher must survive."""

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "a" * 40
OTHER_COMMIT = "b" * 40


@dataclass
class TinyHub:
    """One repository, org/model, at one commit; the attributes are its behaviour and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    commit: str = COMMIT
    revisions: set[str] = field(default_factory=lambda: {"main"})
    refuse: tuple[int, dict[str, str]] | None = None
    """Status and headers of the answer to everything."""
    refuse_files: list[int] = field(default_factory=list)
    """Statuses of the next answers to file downloads."""
    corrupt: set[str] = field(default_factory=set)
    """Files that arrive with other content than their hash says."""
    without_sizes: bool = False
    ignore_range: bool = False
    bytes_per_s: float | None = None
    drop_after: list[int] = field(default_factory=list)
    """Bytes after which the next downloads break off."""
    stall_s: float = 0.0
    cdn: str | None = None
    """Address that downloads of LFS files are redirected to."""
    certificate: tuple[str, str] | None = None
    """Certificate and key files: serve over TLS."""
    asked: list[str] = field(default_factory=list)
    """METHOD path [range], in order."""
    tokens: set[str] = field(default_factory=set)
    sent_bytes: int = 0
    endpoint: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, sent: int) -> None:
        with self._lock:
            self.sent_bytes += sent

    def info(self) -> dict[str, Any]:
        return {
            "id": "org/model",
            "sha": self.commit,
            "siblings": [self._sibling(path, content) for path, content in self.files.items()],
        }

    def _sibling(self, path: str, content: bytes) -> dict[str, Any]:
        if self.without_sizes:
            return {"rfilename": path}
        git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        sibling: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": git}
        if is_lfs(path):
            sibling["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 134}
        return sibling


def is_lfs(path: str) -> bool:
    return path.endswith((".safetensors", ".gguf", ".bin", ".pt"))


@contextmanager
def serving(hub: TinyHub) -> Iterator[TinyHub]:
    """Serves the hub on a free loopback port while entered."""

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    if hub.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*hub.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    hub.endpoint = f"http{'s' if hub.certificate else ''}://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: TinyHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, body: bool) -> None:
        hub, path = self.served, unquote(urlsplit(self.path).path)
        hub.asked.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        hub.tokens.add(self.headers.get("Authorization", ""))
        time.sleep(hub.stall_s)
        if hub.refuse:
            return self._send(hub.refuse[0], hub.refuse[1], b"refused", body)
        if path.startswith("/api/models/org/model"):
            revision = path.removeprefix("/api/models/org/model").removeprefix("/revision/") or "main"
            if revision not in hub.revisions | {hub.commit}:
                return self._send(404, {"X-Error-Code": "RevisionNotFound"}, b"", body)
            return self._send(200, {"Content-Type": "application/json"}, json.dumps(hub.info()).encode(), body)
        prefix = f"/org/model/resolve/{hub.commit}/"
        content = hub.files.get(path.removeprefix(prefix)) if path.startswith(prefix) else None
        if content is None:
            return self._send(404, {"X-Error-Code": "RepoNotFound"}, b"", body)
        return self._send_file(path.removeprefix(prefix), content, body)

    def _send_file(self, path: str, content: bytes, body: bool) -> None:
        hub = self.served
        if body and hub.refuse_files:
            return self._send(hub.refuse_files.pop(0), {}, b"", body)
        if hub.cdn and is_lfs(path):
            return self._send(302, {"Location": f"{hub.cdn}{self.path}?X-Signature=signed"}, b"", body)
        digest = hashlib.sha256(content) if is_lfs(path) else hashlib.sha1(content)
        headers = {"ETag": f'"{digest.hexdigest()}"', "X-Repo-Commit": hub.commit, "Accept-Ranges": "bytes"}
        if path in hub.corrupt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        status, start = 200, 0
        if (asked := self.headers.get("Range")) and not hub.ignore_range:
            status, start = 206, int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(status, headers, content[start:], body)

    def _send(self, status: int, headers: dict[str, str], content: bytes, body: bool) -> None:
        hub = self.served
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not body:
            return
        if status in (200, 206) and hub.drop_after and len(content) > hub.drop_after[0]:
            content = content[: hub.drop_after.pop(0)]
            self.close_connection = True
        step = len(content) if hub.bytes_per_s is None else max(1, int(hub.bytes_per_s / 50))
        for start in range(0, len(content), step or 1):
            try:
                self.wfile.write(content[start : start + step])
            except OSError:
                return
            hub.count(len(content[start : start + step]))
            if hub.bytes_per_s is not None:
                time.sleep(step / hub.bytes_per_s)
