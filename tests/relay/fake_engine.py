"""An engine that answers as it is told, and remembers what it was sent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

IDLE = b"# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 0\nllamacpp:requests_deferred 0\n"
BUSY = IDLE.replace(b"processing 0", b"processing 2")


def answer(body: bytes, status: str = "200 OK") -> bytes:
    """A whole answer, as llama-server sends it."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


class FakeEngine:
    """``answers`` are sent one after the other, the last one again and again."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.requests.append(connection.recv(65536))
                connection.sendall(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def close(self) -> None:
        # A thread that waits in accept is not woken by close alone.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def running(*answers: bytes) -> Iterator[FakeEngine]:
    """A fake engine with its thread."""
    engine = FakeEngine(*answers)
    thread = threading.Thread(target=engine.serve)
    thread.start()
    try:
        yield engine
    finally:
        engine.close()
        thread.join()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
