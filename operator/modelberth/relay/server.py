"""The relay's HTTP server: two paths and nothing else."""

import socket
import socketserver
import sys
import threading
import time

from modelberth.relay.drain import Times, drain
from modelberth.relay.engine import Engine
from modelberth.relay.wire import Answer, MessageError, answer_bytes, read_request

PATHS = ("/metrics", "/drain")
CONNECTIONS = 48
"""Served at a time. Others wait in the kernel's queue: a kubelet that is refused ends the engine at once."""
REQUEST_S = 5.0
"""Seconds for a client to send its request, and again to take its answer."""
STACK_BYTES = 256 << 10
"""Of a thread; the default is 8 MiB of address space."""


class Relay(socketserver.ThreadingTCPServer):
    """Listens from the start; serve_forever answers. Port 0 takes a free one (server_address tells it)."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine, times: Times) -> None:
        # All interfaces: the kubelet and the operator come to the pod's address. IPv4, as the engine's own.
        super().__init__(("0.0.0.0", port), _Handler)
        threading.stack_size(STACK_BYTES)
        self.engine, self.times = engine, times
        self._places = threading.Semaphore(CONNECTIONS)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        self._places.acquire()
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def answer(self, method: str, path: str) -> Answer:
        """The answer to a request; for /drain it takes until the engine is idle and has no client."""
        if path not in PATHS:
            return Answer(404, b"there is /metrics and /drain\n")
        if method != "GET":
            return Answer(405, b"only GET\n")
        if path == "/metrics":
            return self.engine.metrics() or Answer(502, b"the engine does not run\n")
        return self._drained()

    def _drained(self) -> Answer:
        started = time.monotonic()
        _say("draining: the engine is told to end when nobody is connected and it has nothing to do")
        done = drain(self.engine, self.times)
        seconds = time.monotonic() - started
        text = f"the engine is {'idle' if done else 'still busy'} after {seconds:.1f} s"
        _say(text)
        return Answer(200, f"{text}\n".encode())


class _Handler(socketserver.BaseRequestHandler):
    server: Relay
    request: socket.socket

    def handle(self) -> None:
        try:
            method, path = read_request(self.request, time.monotonic() + REQUEST_S)
            answer = self.server.answer(method, path)
            self.request.settimeout(REQUEST_S)
            self.request.sendall(answer_bytes(answer))
        except (OSError, MessageError):
            pass  # a client that went away, is slow, or speaks no HTTP: its connection is closed


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")  # one write: lines of several threads stay whole
