"""A real HTTP server that answers what each test says."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Answer = tuple[int, dict[str, str], bytes]
Answers = dict[str, Answer | Callable[[], Answer]]


class Server:
    """Answers by path, and what was asked."""

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.asked: list[tuple[str, str | None]] = []
        self.endpoint = ""


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            served.asked.append((path, self.headers.get("Authorization")))
            answer = served.answers.get(path, (404, {"X-Error-Code": "RepoNotFound"}, b""))
            status, headers, body = answer() if callable(answer) else answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    served.endpoint = f"http://127.0.0.1:{http.server_address[1]}"
    yield served
    http.shutdown()
    http.server_close()
