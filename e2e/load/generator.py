"""Sends many questions to models and notes what became of each. Runs in the client pod: aiohttp is all it needs.

load.json in the folder that is its argument says what to send (``Load``). A load without a total goes on until there
is a file ``stop``; what is on its way then is waited for. The requests (``Record``) are one list in results.json. No
retry: what goes wrong must be seen.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import aiohttp

KEEPALIVE_S = 4.0
"""Idle pooled connections close after this, in seconds: before llama-server's own 5 s, so that the two never race."""
FINISHED = {"stop", "length"}
"""Reasons of a whole answer. A cut one has others: vLLM ends a stream that it gives up with "abort" and [DONE]."""
PROMPT = "Tell a long story about a harbour."


@dataclass(frozen=True)
class Load:
    """What to send. Of any four requests in a row, each combination of stream or not, pooled or not, is one."""

    urls: list[str]
    """Ends in /v1 like status.url; requests take them in turn."""
    model: str
    concurrency: int = 1
    """Requests at a time: workers that go on and on, or the size of a group where there are gaps."""
    total: int | None = None
    """Requests in all; None: until it is stopped."""
    gaps_s: tuple[float, float] | None = None
    """Least and longest time between two groups, in seconds, whatever became of the one before."""
    streams: bool | None = None
    """All stream, none does; None: every second."""
    pooled: bool | None = None
    """All share keep-alive connections, each has its own; None: half of them."""
    max_tokens: int = 8
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float = 300.0
    seed: int = 0
    """Of the gaps."""


@dataclass
class Record:
    """One request. Times are seconds since the load began."""

    url: str
    stream: bool
    pooled: bool
    started: float
    first_byte: float | None = None
    ended: float | None = None
    status: int | None = None
    reused: bool = False
    """Sent on a connection that had served another request."""
    finished: bool = False
    """The answer is whole."""
    error: str = ""
    """What broke, or the beginning of an answer that is not 200 or not whole."""


def finished(body: bytes, stream: bool) -> bool:
    """Whether this is a whole answer of /v1/chat/completions: the model stopped or reached max_tokens, and said so."""
    try:
        if not stream:
            return _ended(json.loads(body))
        events = [line.removeprefix("data:").strip() for line in body.decode().splitlines() if line.startswith("data:")]
        if not events or events.pop() != "[DONE]":
            return False
        return any([_ended(json.loads(event)) for event in events])
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def _ended(answer: dict[str, list[dict[str, object]]]) -> bool:
    return any(choice.get("finish_reason") in FINISHED for choice in answer["choices"])


def choose(number: int, load: Load) -> tuple[str, bool, bool]:
    """(URL, streaming, pooled) of the request with this number."""
    turn, place = divmod(number, len(load.urls))
    stream = turn % 2 == 1 if load.streams is None else load.streams
    pooled = turn // 2 % 2 == 1 if load.pooled is None else load.pooled
    return load.urls[place], stream, pooled


class Generator:
    """One run of a load."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.records: list[Record] = []
        self.stopped = asyncio.Event()
        self._numbers = count()
        self._began = time.monotonic()

    async def run(self) -> list[Record]:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        timeout = aiohttp.ClientTimeout(total=self.load.timeout_s)
        pool = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S)
        apart = aiohttp.TCPConnector(limit=0, force_close=True)
        async with (
            aiohttp.ClientSession(connector=pool, timeout=timeout, trace_configs=[trace]) as pooled,
            aiohttp.ClientSession(connector=apart, timeout=timeout) as single,
        ):
            send = {True: pooled, False: single}
            if self.load.gaps_s is None:
                await asyncio.gather(*(self._work(send) for _ in range(self.load.concurrency)))
            else:
                async with asyncio.TaskGroup() as tasks:
                    async for _ in self._groups(*self.load.gaps_s):
                        for _ in range(self.load.concurrency):
                            tasks.create_task(self._next(send))
        return self.records

    def _goes_on(self) -> bool:
        return not self.stopped.is_set() and (self.load.total is None or len(self.records) < self.load.total)

    async def _work(self, sessions: dict[bool, aiohttp.ClientSession]) -> None:
        while self._goes_on():
            await self._next(sessions)

    async def _groups(self, least_s: float, longest_s: float) -> AsyncIterator[None]:
        gaps = random.Random(self.load.seed)
        while self._goes_on():
            yield
            # The requests of the group are noted (or not) before the next is considered.
            try:
                await asyncio.wait_for(self.stopped.wait(), gaps.uniform(least_s, longest_s))
            except TimeoutError:
                continue

    def _now(self) -> float:
        return round(time.monotonic() - self._began, 4)

    async def _next(self, sessions: dict[bool, aiohttp.ClientSession]) -> None:
        """The next request, unless there were enough."""
        if not self._goes_on():
            return
        url, stream, pooled = choose(next(self._numbers), self.load)
        record = Record(url, stream, pooled, started=self._now())
        self.records.append(record)
        try:
            await self._send(sessions[pooled], record)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            record.error = f"{type(error).__name__}: {error}"[:300]
        record.ended = self._now()

    async def _send(self, session: aiohttp.ClientSession, record: Record) -> None:
        body = {
            "model": self.load.model,
            "messages": [{"role": "user", "content": PROMPT}],
            "max_tokens": self.load.max_tokens,
            "stream": record.stream,
        }
        address = f"{record.url}/chat/completions"
        # llama-server closes the connection after every stream without a word in the header, and whoever sends on it at
        # once runs into that. A pooled stream may come over a connection that is open, and is the last on it.
        headers = {**self.load.headers, **({"Connection": "close"} if record.stream else {})}
        async with session.post(address, json=body, headers=headers, trace_request_ctx=record) as answer:
            record.status = answer.status
            parts = []
            async for part in answer.content.iter_any():
                if record.first_byte is None:
                    record.first_byte = self._now()
                parts.append(part)
        text = b"".join(parts)
        record.finished = answer.status == 200 and finished(text, record.stream)
        if not record.finished:
            record.error = text[-300:].decode(errors="replace")


async def _note_reuse(
    _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.reused = True


async def _stopper(folder: Path, stopped: asyncio.Event) -> None:
    while not (folder / "stop").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.1)
    stopped.set()


async def _main(folder: Path) -> None:
    load = Load(**json.loads((folder / "load.json").read_text()))
    generator = Generator(load)
    stopper = asyncio.create_task(_stopper(folder, generator.stopped)) if load.total is None else None
    records = [asdict(record) for record in await generator.run()]
    if stopper is not None:
        stopper.cancel()
    (folder / "results.json").write_text(json.dumps(records))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
