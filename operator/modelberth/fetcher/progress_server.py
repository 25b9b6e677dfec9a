"""GET /progress while the fetcher runs: where the operator reads how far the download is.

A container's log needs a permission in the user's namespace; the pod's address does not. Nothing secret is told.
"""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from modelberth.fetcher.progress import Progress

PATH = "/progress"
_CONNECTIONS = 16
"""Answered at a time; more are closed: the operator asks again, and nobody else needs an answer."""


class ProgressServer(ThreadingHTTPServer):
    """Listens from the start, answers while ``start`` was called; port 0 takes a free one (``server_port``).

    Raises OSError where the port cannot be had.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, progress: Progress) -> None:
        # "::" takes IPv4 too (see server_bind); kernels without IPv6 have no such socket.
        self.address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        self.progress = progress
        self._places = threading.Semaphore(_CONNECTIONS)
        super().__init__(("::" if self.address_family == socket.AF_INET6 else "0.0.0.0", port), _Handler)

    def start(self) -> None:
        """Answer until the process ends."""
        threading.Thread(target=self.serve_forever, name="progress-server", daemon=True).start()

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not HTTPServer's: that looks up the host's name, which takes long where DNS is slow.
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            return self.shutdown_request(request)
        return super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is none of the log's business."""


class _Handler(BaseHTTPRequestHandler):
    server: ProgressServer
    timeout = 5
    """Seconds without a byte from the client."""

    def do_GET(self) -> None:
        if self.path != PATH:
            return self.send_error(404, f"there is {PATH}")
        body = json.dumps(self.server.progress.standing().json).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def version_string(self) -> str:
        return "modelberth"

    def log_message(self, format: str, *args: Any) -> None:
        """The log is for the download."""
