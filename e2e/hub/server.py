"""The HTTP server: answers from a repository folder, streams files, logs one line per request."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from e2e.hub import documents
from e2e.hub.access import RefusedError, Tokens
from e2e.hub.network import Faults, Throttle
from e2e.hub.repositories import Repository, RepositoryFolder, Snapshot, StoredFile
from e2e.hub.targets import Target, UnsatisfiableRangeError, parse_range, parse_target

_CHUNK = 1 << 18  # bytes; a file is never in memory whole


def _log_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass
class Hub:
    """What is served, to whom, over what network; `log` gets one line per request, never a token."""

    folder: RepositoryFolder
    tokens: Tokens = field(default_factory=Tokens)
    faults: Faults = field(default_factory=Faults)
    throttle: Throttle | None = None
    log: Callable[[str], None] = _log_to_stderr


class HubServer(ThreadingHTTPServer):
    """Serves a `Hub` on `address`, one thread per connection; port 0 takes a free one (`server_port`)."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], hub: Hub) -> None:
        self.hub = hub
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds without a byte from the client
    server: HubServer

    def do_GET(self) -> None:
        self._started = time.monotonic()
        self._sent = 0
        try:
            self._answer()
        except RefusedError as refusal:
            self._refuse(refusal)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_POST = do_GET  # noqa: N815 (http.server's name)
    do_HEAD = do_GET  # noqa: N815 (http.server's name)

    def _answer(self) -> None:
        target = parse_target(self.path)
        # Read before any answer: what is left of a body would be taken for the connection's next request.
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if target is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, None, "Not Found")
        if target.route == "health":
            return self._send_json({"status": "ok"})
        hub, token = self.server.hub, self._token()
        if hub.faults.take_outage():
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, None, "Service Unavailable")
        hub.tokens.check(token)
        if target.route == "whoami":
            return self._who_am_i(token)
        repository = hub.tokens.check_visible(token, hub.folder.get(target.repository))
        if target.route == "refs":
            return self._send_json(documents.refs(repository))
        snapshot = repository.find(target.revision)
        if snapshot is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "RevisionNotFound", f"Invalid rev id: {target.revision}")
        if target.route == "info":
            return self._send_json(documents.model_info(repository, snapshot, blobs=target.flag("blobs")))
        if target.route == "paths":
            return self._send_json(documents.paths_info(snapshot, parse_qs(form).get("paths", [])))
        if target.route == "tree":
            return self._send_tree(target, snapshot)
        return self._send_file(target, repository, snapshot)

    def _who_am_i(self, token: str | None) -> None:
        if token is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, None, "Invalid username or password.")
        self._send_json({"type": "user", "name": "modelberth", "fullname": "Modelberth", "orgs": [], "auth": {}})

    def _send_tree(self, target: Target, snapshot: Snapshot) -> None:
        entries = documents.tree(snapshot, target.path, recursive=target.flag("recursive"))
        if target.path and not entries:
            message = f"{target.path} does not exist on {target.revision}"
            raise RefusedError(HTTPStatus.NOT_FOUND, "EntryNotFound", message, snapshot.commit)
        self._send_json(entries)

    def _send_file(self, target: Target, repository: Repository, snapshot: Snapshot) -> None:
        self.server.hub.tokens.check_files(self._token(), repository)
        file = snapshot.files.get(target.path)
        if file is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "EntryNotFound", "Entry not found", snapshot.commit)
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
            "ETag": f'"{file.etag}"',
            "X-Repo-Commit": snapshot.commit,
        }
        if file.is_lfs:
            headers |= {"X-Linked-ETag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
        try:
            span = parse_range(self.headers.get("Range"), file.size)
        except UnsatisfiableRangeError:
            headers |= {"Content-Range": f"bytes */{file.size}", "Content-Length": "0"}
            return self._send_head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
        start, end = span or (0, file.size)
        status = HTTPStatus.OK
        if span is not None:
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        self._send_head(status, headers | {"Content-Length": str(end - start)}, log=False)
        try:
            if self.command != "HEAD":
                self._stream(file, start, end)
        finally:
            self._log(status)

    def _stream(self, file: StoredFile, start: int, end: int) -> None:
        hub = self.server.hub
        cut = hub.faults.take_cut(end - start)
        left = end - start if cut is None else cut
        with file.location.open("rb") as content:
            content.seek(start)
            while left > 0 and (chunk := content.read(min(_CHUNK, left))):
                if hub.throttle is not None:
                    hub.throttle.send(len(chunk))
                self.wfile.write(chunk)
                self._sent += len(chunk)
                left -= len(chunk)
        if cut is not None or left > 0:  # the file may have shrunk under us
            self.close_connection = True

    def _send_json(self, document: Any) -> None:
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))}
        self._send_head(HTTPStatus.OK, headers, log=False)
        if self.command != "HEAD":
            self.wfile.write(body)
            self._sent = len(body)
        self._log(HTTPStatus.OK)

    def _refuse(self, refusal: RefusedError) -> None:
        body = json.dumps({"error": refusal.message}).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body))}
        headers["X-Error-Message"] = refusal.message.encode("ascii", "replace").decode()
        if refusal.code is not None:
            headers["X-Error-Code"] = refusal.code
        if refusal.commit is not None:
            headers["X-Repo-Commit"] = refusal.commit
        self._send_head(refusal.status, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_head(self, status: HTTPStatus, headers: dict[str, str], *, log: bool = True) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if log:
            self._log(status)

    def _token(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None

    def _log(self, status: HTTPStatus) -> None:
        if self.path == "/healthz":
            return
        seconds = time.monotonic() - self._started
        self.server.hub.log(
            f"{self.command} {self.path} {status.value} range={self.headers.get('Range', '-')} "
            f"auth={'yes' if self._token() else 'no'} sent={self._sent} {seconds:.3f}s"
        )

    def log_message(self, format: str, *args: Any) -> None:
        """http.server's own log lines are replaced by `_log`."""
