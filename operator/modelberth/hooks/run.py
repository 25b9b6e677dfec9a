"""Starts the engine as the container's first process: `python3 run.py COMMAND [ARGUMENT...]`.

What the engine prints goes to the container's log byte by byte. When it fails, the words that decided it go to the
termination message of the container, where the kubelet puts them into the pod's status (words.py).
It forwards signals, reaps the orphans of the engine's processes, and ends with the engine's exit status.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelberth.hooks.words import KILLED, Words
else:
    from words import KILLED, Words

HERE = os.path.dirname(os.path.abspath(__file__))
TERMINATION_LOG = "/dev/termination-log"
"""The kubelet's default terminationMessagePath."""
CHUNK = 65_536
LINGER_S = 1.0
"""How long output is still waited for once the engine has ended: its other processes may hold the pipes for ever."""
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Where the kernel counts what it killed at this container's memory limit: cgroup v2, v1."""
SECRET_NAME = re.compile(r"(?:^|_|API)(?:KEY|TOKEN|SECRET|PASSWORD)S?(?:_|$)")
"""HF_TOKEN, and not TOKENIZERS_PARALLELISM."""


class Engine:
    """The engine's process, and the two pipes that it and its children write to."""

    def __init__(self, command: list[str], words: Words) -> None:
        self.status: int | None = None
        self._words: Words | None = words
        self._pid = 0
        self._early: list[int] = []
        # A byte arrives here with every signal, SIGCHLD too, and ends the wait for output.
        self._woken, waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in FORWARDED:
            signal.signal(number, self._forward)
        self._targets = self._start(command)

    def _start(self, command: list[str]) -> dict[int, int]:
        """Pipe to read from -> our own descriptor."""
        (out, child_out), (error, child_error) = os.pipe(), os.pipe()
        self._pid = os.posix_spawnp(
            command[0],
            command,
            _environment(),
            file_actions=[(os.POSIX_SPAWN_DUP2, child_out, 1), (os.POSIX_SPAWN_DUP2, child_error, 2)],
            # Python ignores these; a program that it starts would inherit that.
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
        os.close(child_out)
        os.close(child_error)
        while self._early:
            os.kill(self._pid, self._early.pop(0))
        return {out: 1, error: 2}

    def _forward(self, number: int, _frame: object) -> None:
        if not self._pid:
            self._early.append(number)
        elif self.status is None:
            os.kill(self._pid, number)

    def attend(self) -> int:
        """Until the engine has ended and has nothing more to say. Returns 128 + n where signal n ended it."""
        poll = select.poll()
        for source in (*self._targets, self._woken):
            poll.register(source, select.POLLIN)
        end = None
        while self._targets and (end is None or time.monotonic() < end):
            for source, _ in poll.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000):
                if source == self._woken:
                    _empty(source)
                elif not self._pass_on(source):
                    poll.unregister(source)
                    del self._targets[source]
            self._reap()
            if end is None and self.status is not None:
                end = time.monotonic() + LINGER_S
        while self.status is None:
            poll.poll()
            _empty(self._woken)
            self._reap()
        return self.status

    def _pass_on(self, source: int) -> bool:
        """What is there now; False at the end of the stream."""
        chunk = os.read(source, CHUNK)
        if not chunk:
            return False
        target = self._targets[source]
        rest = memoryview(chunk)
        with suppress(OSError):  # nobody reads the log any more: the engine goes on
            while rest:
                rest = rest[os.write(target, rest) :]
        if self._words is not None:
            try:
                self._words.feed(target, chunk)
            except Exception as error:  # a fault in picking words must not end an engine
                self._words = None
                _say(f"run.py: the engine's words are no longer kept: {error!r}")
        return True

    def _reap(self) -> None:
        """The engine, and whatever was left to the container's first process."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def main(command: list[str]) -> int:
    words = Words(_secrets())
    killed = _oom_kills()
    try:
        status = Engine(command, words).attend()
    except (FileNotFoundError, PermissionError) as error:
        text = f"error: {error.strerror}: {command[0]}"
        _say(text)
        with suppress(OSError):
            _tell(text)
        return 127 if isinstance(error, FileNotFoundError) else 126
    if status != 0:
        try:
            _tell(words.text(known=[KILLED] if _oom_kills() > killed else []))
        except Exception as error:  # the status is there without a message
            _say(f"run.py: no termination message: {error!r}")
    return status


def _tell(text: str) -> None:
    """Into the container's termination message."""
    with open(os.environ.get("MODELBERTH_TERMINATION_LOG", TERMINATION_LOG), "w", encoding="utf-8") as file:
        file.write(text)


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _environment() -> dict[str, str]:
    """Ours, with this folder first on Python's path: the other hooks are imported from it."""
    paths = [HERE, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _secrets() -> list[str]:
    """Values, and the lines of those that have several: output is looked at line by line."""
    values = [value for name, value in os.environ.items() if SECRET_NAME.search(name.upper())]
    return [*values, *(line for value in values for line in value.splitlines() if len(line) >= 8)]


def _oom_kills() -> int:
    """Processes of this container that the kernel has killed for memory; 0 where it does not say."""
    for path in OOM_COUNTERS:
        try:
            with open(path, encoding="ascii") as file:
                counts = dict(line.split() for line in file)
            return int(counts.get("oom_kill", 0))
        except (OSError, ValueError):
            continue
    return 0


def _empty(source: int) -> None:
    with suppress(BlockingIOError):
        while os.read(source, 4096):
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
