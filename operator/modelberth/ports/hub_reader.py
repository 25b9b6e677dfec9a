"""Reads of the hub that are bounded in bytes and in time: whoever names a repository chooses what comes back."""

import io
import time
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO

from modelberth.ports.hub_client import build_hf_headers, get_session, hf_raise_for_status

_CHUNK = 1 << 16
_GIVEN_UP_AFTER = 12
"""All reads of a reader together may take this many timeouts' worth of seconds."""
_NOT_SATISFIABLE, _WHOLE = 416, 200


class HubReader:
    """Asks for one repository's files, one after the other; made anew for each question.

    ``timeout_s`` bounds connecting and each read, in seconds; twelve times as much is the time for everything.
    """

    def __init__(self, timeout_s: float, token: str | None) -> None:
        self._timeout_s = timeout_s
        self._token = token
        self._deadline = time.monotonic() + timeout_s * _GIVEN_UP_AFTER

    def read(self, url: str, limit: int) -> bytes | None:
        """The content, or None when it is larger than ``limit`` bytes. Raises what the HTTP client raises."""
        content = bytearray()
        with self._stream(url) as response:
            hf_raise_for_status(response)
            for chunk in self._chunks(response):
                content += chunk
                if len(content) > limit:
                    return None
        return bytes(content)

    def open(self, url: str, first: int) -> BinaryIO:
        """The file from its start, as far as it is read: in ranges, the first of so many bytes, each next as many as
        came before it. Reading raises what the HTTP client raises; close it."""
        return io.BufferedReader(_Ranges(self, url, first), _CHUNK)

    def window(self, url: str, start: int, end: int) -> Generator[bytes]:
        """The bytes from ``start`` to before ``end``, fewer where the file ends."""
        with self._stream(url, Range=f"bytes={start}-{end - 1}") as response:
            if response.status_code == _NOT_SATISFIABLE:
                return
            hf_raise_for_status(response)
            # Some mirrors know no ranges and send the whole file.
            skip = start if response.status_code == _WHOLE else 0
            left = end - start
            for chunk in self._chunks(response):
                part = chunk[skip : skip + left]
                skip = max(0, skip - len(chunk))
                left -= len(part)
                if part:
                    yield part
                if left <= 0:
                    return

    def _stream(self, url: str, **headers: str) -> Any:
        # Compressed, a megabyte could become a gigabyte.
        all_headers = {**build_hf_headers(token=self._token or False), "Accept-Encoding": "identity", **headers}
        return get_session().stream("GET", url, headers=all_headers, timeout=self._timeout_s)

    def _chunks(self, response: Any) -> Iterator[bytes]:
        for chunk in response.iter_bytes(chunk_size=_CHUNK):
            if time.monotonic() > self._deadline:
                raise TimeoutError("the hub sends too slowly")
            yield chunk


class _Ranges(io.RawIOBase):
    """A file of the hub as a raw stream."""

    def __init__(self, reader: HubReader, url: str, first: int) -> None:
        super().__init__()
        self._reader, self._url = reader, url
        self._position, self._end = 0, first
        self._chunks = reader.window(url, 0, first)
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._pending:
            chunk = next(self._chunks, None)
            if chunk is not None:
                self._pending = chunk
                self._position += len(chunk)
            elif self._position < self._end:
                return 0
            else:
                self._end = 2 * self._position
                self._chunks = self._reader.window(self._url, self._position, self._end)
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def close(self) -> None:
        # Ends the response too: what was not read of it is never sent.
        self._chunks.close()
        super().close()
