"""The engine beside the relay, asked for its metrics with the API key."""

import math
import socket
import threading
import time

from modelberth.hooks.drain import connections
from modelberth.relay.wire import Answer, MessageError, get_request, read_answer

TIMEOUT_S = 5.0
"""llama-server answers /metrics between two batches: while it reads a long prompt, seconds pass."""
BODY_LIMIT = 1 << 20
"""Bytes; llama-server sends 3 KiB."""
FRESH_S = 0.25
"""An answer of so many seconds ago is given again: however many ask, the engine is asked four times a second."""

_PATH = "/metrics"


class Engine:
    """Safe to use from several threads."""

    def __init__(self, port: int, key_file: str | None) -> None:
        self._port, self._key_file = port, key_file
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        self._answered_at = -math.inf

    def metrics(self) -> Answer | None:
        """What the engine says of itself; None where nothing listens on its port: it has ended.

        200 with the text of its metrics; else 503 (it loads its model) or 502, with the reason in one line.
        """
        with self._lock:
            if time.monotonic() - self._answered_at > FRESH_S:
                self._answer = self._ask()
                self._answered_at = time.monotonic()
            return self._answer

    def connections(self) -> int | None:
        """Connections to its port, our own (which last for an answer) among them; None where the kernel is silent."""
        return connections(self._port)

    def _ask(self) -> Answer | None:
        deadline = time.monotonic() + TIMEOUT_S
        try:
            key = None if self._key_file is None else _first_key(self._key_file)
        except OSError as error:
            return _failed(f"the file with the API key cannot be read: {error.strerror}")
        try:
            with socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S) as connection:
                connection.sendall(get_request(_PATH, key))
                return _judged(read_answer(connection, deadline, BODY_LIMIT))
        except ConnectionRefusedError:
            return None
        except TimeoutError:
            return _failed(f"the engine did not answer within {TIMEOUT_S:.0f} s")
        except (OSError, MessageError) as error:
            return _failed(f"the engine could not be asked: {error}")


def _first_key(path: str) -> bytes | None:
    """llama-server takes one key a line, and any of them opens it."""
    with open(path, "rb") as file:
        return next((line.strip() for line in file if line.strip()), None)


def _judged(answer: Answer) -> Answer:
    if answer.status == 200:
        return answer
    if answer.status == 503:
        return Answer(503, b"the engine loads its model\n")
    if answer.status in (401, 403):
        return _failed("the engine refuses the API key: it was started with another one")
    return _failed(f"the engine answered with HTTP {answer.status}")


def _failed(why: str) -> Answer:
    return Answer(502, f"{why}\n".encode())
