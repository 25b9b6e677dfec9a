"""The decisive words of an engine that failed, picked from all that it printed.

vLLM prints the traceback of every process that a failure reaches, the cause first and some 300 lines above the end;
the kubelet keeps the last 80 lines or 2 KiB of a log. So what is kept here is one entry for each different exception
or error line, however often it is repeated, and the last lines for an engine that dies without a word.

It runs in the engine's container beside run.py, so: standard library only, Python 3.8. The operator uses `stable` too.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Sequence

KILLED = "The kernel killed a process of this container at its memory limit."
"""What run.py knows from the container's counters; engines/failures reads it."""
LIMIT = 3500
"""Bytes of the text; the kubelet keeps 4096 of a termination message."""
WINDOW_S = 120.0
"""What was last said longer than this before the end did not end the engine."""
MAX_ENTRIES = 48
MAX_OPEN = 16
"""Tracebacks that are being printed at once: one per process."""
MAX_LINE = 16_384
"""Bytes of a line that are looked at."""
MAX_LAST = 2048
"""Bytes of each of the last lines."""
MAX_MESSAGE_LINES = 6
MAX_TOLD = 800
"""Bytes of a line that are told: vLLM names all 300 architectures that it knows in one."""
LAST_LINES = 12

PREFIX = re.compile(
    r"""^(?:
        # vLLM: (EngineCore pid=77) ERROR 11-24 00:32:06 [core.py:1510]; either may be missing, older ones have no [
        \((?P<process>[A-Za-z][\w-]*)\ [^()]{0,60}pid=\d+[^()]{0,60}\)(?:\ |$)
        | (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\ \d\d-\d\d\ \d\d:\d\d:\d\d(?:[.,]\d+)?\ \[?[\w./-]+:\d+\](?:\ |$)
        # SGLang: [2026-11-24 00:31:57 TP0]
        | \[\d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d[^\]]*\](?:\ |$)
        # torch: [W1124 00:32:05.626551517 utils.cpp:68]
        | \[(?P<torch>[EWIF])\d{4}\ \d\d:\d\d:\d\d[^\]]*\](?:\ |$)
        | \[rank\d+\]:\ ?
        # llama.cpp: 0.00.046.200 E
        | \d+\.\d\d\.\d{3}\.\d{3}\ (?P<llama>[A-Z])(?:\ |$)
    )""",
    re.VERBOSE,
)
"""What stands before a log line and says who writes, when, and how bad it is."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

# Repetitions are bounded: a line may be 16,000 times the same letter, which must not take the square of that.
_MOVES = (
    (re.compile(r"/[^\s\"'(]{0,200}/(?:site|dist)-packages/"), ""),
    (re.compile(r"/[^\s\"'(]{0,200}/lib/python3\.\d+/"), ""),
    (re.compile(r"\b0x[0-9a-fA-F]{4,}"), "0x…"),
    (re.compile(r"\b([Pp]id|PID)([ =:]+)\d+"), r"\1\2…"),
    (re.compile(r"\b([Pp]rocess(?:es)?) \d+"), r"\1 …"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?"), "…"),
    (re.compile(r"(?<=tcp://)[^\s'\"]+|\b(?!0\.0\.0\.0|127\.0\.0\.1)\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"), "…"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d{5}\b|(?<=localhost:)\d{5}\b"), "…"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "…"),
    (re.compile(r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12,}\b"), "…"),
    (re.compile(r"(/tmp/)[\w.-]{0,100}[0-9][\w.-]{5,}"), r"\1…"),
    # pydantic ends with what it was given, as Python writes it
    (re.compile(r"\[type=[a-z_]+, input_value=.*\]$"), ""),
)
"""What differs from one try to the next, and where Python was installed."""

_SET = re.compile(r"\{('[^'{}]{1,300}'(?:, '[^'{}]{1,300}')*)\}")
_CUT_SET = re.compile(r"\{'[^{}]*$")
"""Python writes the names of a set in another order each time; one that was cut off cannot be sorted."""

_SECRETS = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|(?<=[Bb]earer )\S+|(?<=://)[^/\s@]{1,100}:[^/\s@]{1,100}(?=@)|\bsk-[\w-]{16,}"
)

_MARK = re.compile(
    rb"Traceback \(most recent|[Ee]rror|ERROR|CRITICAL|FATAL|[Ff]atal |Exception|[Kk]illed|Abort|terminate called"
    rb"|[Ss]eg(?:fault|mentation)|out of memory|panicked at|what\(\):"
)
_MARKS = (
    *(b"Traceback", b"rror", b"ERROR", b"CRITICAL", b"FATAL", b"atal ", b"xception", b"illed", b"Abort"),
    *(b"terminate called", b"egfault", b"egmentation", b"out of memory", b"panicked at", b"what():"),
)
"""A part of every such mark."""
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_PLACE = re.compile(r'^\s*File "([^"]+)", line (\d+)(?:, in (.+))?$')
_UNTOLD = re.compile(r"/lib/python3\.\d+/(?!(?:site|dist)-packages)|/pydantic/|^<")
"""Places that say nothing about the cause: the standard library, and what checks types."""
_ERROR = re.compile(
    r"\b(?:error|Error|FATAL|Fatal)\b ?:|^error\b|^Fatal |terminate called|[Ss]eg(?:fault|mentation fault)"
    r"|^thread '.*' panicked at|^[\w.]{1,100}(?:Error|Exception): "
)
_WHAT = re.compile(r" +what\(\): ")
"""The message of a C++ exception, below "terminate called after throwing an instance of"."""
_ECHO = re.compile(
    r"[Ee]ngine core initialization failed|See (?:root cause|stack trace)|trace above for the root cause"
    r"|EngineDeadError|EngineCore (?:failed|hit|encountered)|WorkerProc (?:failed|hit)|Subprocess \w+ .*crashed"
    r"|kill_process_tree|(?i:sigquit)|SystemExit|KeyboardInterrupt|CancelledError|BrokenPipeError"
    r"|ConnectionResetError|^EOFError|RuntimeError: cancelled|^Dumping |output_handler failed"
)
"""Errors that only say that another process had one."""
_NO_MORE = re.compile(r"Warning: |^Process |^INFO|^WARNING|^usage:|^\[")
"""What is no further line of an exception's message."""
_IDLE = re.compile(r"^\s*For further information visit https://errors\.pydantic\.dev")


def stable(line: str) -> str:
    """A line without what the same failure would write differently the next time, and without its log prefix."""
    return _settled(_Line(line).said)


class Words:
    """Takes the engine's output as it comes, in any pieces, and keeps little of it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((value for value in secrets if len(value) >= 4), key=len, reverse=True)
        self._rests: dict[int, bytes] = {}
        self._open: dict[tuple[int, str], _Traceback] = {}
        self._entries: dict[str, _Entry] = {}
        self._last: deque[bytes] = deque(maxlen=LAST_LINES * 4)

    def feed(self, stream: int, chunk: bytes) -> None:
        """Output of one stream; a line may come in parts."""
        output = self._rests.get(stream, b"") + chunk
        *lines, rest = output.split(b"\n")
        # Searching a whole chunk is ten times cheaper than searching its lines.
        if self._open or any(mark in output for mark in _MARKS):
            for line in lines:
                self._line(stream, line)
        else:
            self._last.extend(line[:MAX_LAST] for line in lines[-LAST_LINES * 4 :])
        if len(rest) > 4 * MAX_LINE:
            self._line(stream, rest)
            rest = b""
        self._rests[stream] = rest

    def text(self, limit: int = LIMIT, known: Sequence[str] = ()) -> str:
        """What decided it, the cause first; at most `limit` bytes of UTF-8, whole lines.

        Below what is `known` besides; where neither that nor an error says why, the last lines.
        """
        for stream, rest in self._rests.items():
            self._line(stream, rest)
        self._rests.clear()
        for key in list(self._open):
            self._close(key)
        lines = self._found()
        if not lines and not known:
            lines = self._endings()
        return fit((self._without_secrets(line) for line in [*known, *lines]), limit)

    def _line(self, stream: int, raw: bytes) -> None:
        raw = raw[-MAX_LINE:] if b"\r" in raw else raw[:MAX_LINE]
        self._last.append(raw[:MAX_LAST])
        marked = _MARK.search(raw) is not None
        if not marked and not self._open:
            return
        text = raw.decode("utf-8", "replace")
        line = _Line(_CUT_SET.sub("{…", text) if len(raw) == MAX_LINE else text)
        key = (stream, line.process)
        if key in self._open:
            if self._open[key].takes(line):
                return
            if self._open[key].message:
                self._close(key)
        if _TRACEBACK in line.said:
            if len(self._open) < MAX_OPEN:
                self._open[key] = _Traceback()
        elif marked and line.is_error:
            self._keep(_Entry(_settled(line.said), line.process, is_exception=False))

    def _close(self, key: tuple[int, str]) -> None:
        traceback = self._open.pop(key)
        if traceback.message:
            text = "\n".join(_settled(line) for line in traceback.message if not _IDLE.match(line))
            self._keep(_Entry(text, key[1], is_exception=True, place=traceback.place))

    def _keep(self, entry: _Entry) -> None:
        known = self._entries.get(entry.text)
        if known is not None and entry.seen - known.seen < WINDOW_S:
            known.seen = entry.seen
            return
        self._entries.pop(entry.text, None)
        if len(self._entries) >= MAX_ENTRIES:
            oldest = min(self._entries.values(), key=lambda kept: kept.seen)
            if entry.seen - oldest.seen < WINDOW_S:
                return
            del self._entries[oldest.text]
        self._entries[entry.text] = entry

    def _found(self) -> list[str]:
        now = time.monotonic()
        late = [entry for entry in self._entries.values() if now - entry.seen < WINDOW_S]
        causes = [entry for entry in late if not entry.is_echo]
        lines: list[str] = []
        for entry in sorted(causes or late, key=lambda entry: entry.rank):
            told = entry.text.split("\n")
            # An error line often repeats what an exception says.
            if not entry.is_exception and any(entry.text in line for line in lines):
                continue
            lines += told
            if entry.place and len(lines) == len(told):
                lines.append(f"  at {_settled(entry.place)}")
        return lines

    def _endings(self) -> list[str]:
        last = (stable(line.decode("utf-8", "replace")) for line in self._last)
        return list(dict.fromkeys(line for line in last if line.strip()))[-LAST_LINES:]

    def _without_secrets(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return _SECRETS.sub("***", line)


class _Line:
    """What a line says, without what stands before it."""

    def __init__(self, line: str) -> None:
        self.process = self.level = ""
        self.is_logged = False
        """Whether a time stands before it."""
        line = _ANSI.sub("", line.rstrip("\r\n").rpartition("\r")[2]).rstrip()
        found = PREFIX.match(line)
        while found is not None:
            self.process = found["process"] or self.process
            self.level = found["level"] or found["torch"] or found["llama"] or self.level
            self.is_logged = self.is_logged or found["process"] is None
            line = line[found.end() :]
            found = PREFIX.match(line)
        self.said = line

    @property
    def is_error(self) -> bool:
        if not self.said or self.said.startswith((" ", *_CHAINED)):
            return _WHAT.match(self.said) is not None
        return self.level in ("ERROR", "CRITICAL", "E", "F") or _ERROR.search(self.said) is not None


class _Traceback:
    """One that is being printed: frames, then the exception."""

    def __init__(self) -> None:
        self.place = ""
        self.message: list[str] = []
        self._is_logged: bool | None = None

    def takes(self, line: _Line) -> bool:
        """Whether the line belongs to it. SGLang logs the first line of one and only prints the others."""
        if self._is_logged is None:
            self._is_logged = line.is_logged
        said = line.said
        if line.is_logged != self._is_logged:
            return False
        if self.message:
            more = bool(said) and _TRACEBACK not in said and not _NO_MORE.search(said)
            if more and len(self.message) < MAX_MESSAGE_LINES:
                self.message.append(said)
                return True
            return False
        if said.startswith((" ", "\t")) or not said or said.startswith(_CHAINED):
            found = _PLACE.match(said)
            if found is not None and not (self.place and _UNTOLD.search(found[1])):
                self.place = f"{found[1]}:{found[2]}" + (f" in {found[3]}" if found[3] else "")
            return True
        self.message.append(said)
        return True


class _Entry:
    """An exception or an error line."""

    def __init__(self, text: str, process: str, *, is_exception: bool, place: str = "") -> None:
        self.text = text
        self.is_exception = is_exception
        self.place = place
        self.is_echo = _ECHO.search(text) is not None
        self.seen = time.monotonic()
        # What the API server raises follows from what its engine raised.
        self.rank = 2 if not is_exception else int(process.startswith("APIServer"))


def fit(lines: Iterable[str], limit: int) -> str:
    """The first lines, as many as fit into `limit` bytes."""
    taken: list[bytes] = []
    left = limit
    for line in lines:
        told = line.encode("utf-8", "replace")
        if len(told) > MAX_TOLD:
            told = told[:MAX_TOLD].decode("utf-8", "ignore").encode() + "…".encode()
        left -= len(told) + 1
        if left < 0:
            break
        taken.append(told)
    return b"\n".join(taken).decode()


def _settled(said: str) -> str:
    for pattern, replacement in _MOVES:
        said = pattern.sub(replacement, said)
    return _SET.sub(lambda found: "{{{}}}".format(", ".join(sorted(found[1].split(", ")))), said).rstrip()
