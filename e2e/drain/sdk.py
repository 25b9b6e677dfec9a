"""An application: the real openai package, retries off, streams all the time. It runs in a pod, by itself.

  python program.py FOLDER   # FOLDER/load.json says what to send, FOLDER/stop ends it, FOLDER/results.json is left

Two clients at once: one keeps its connections, as the SDK does by itself, and one opens a connection per request. Each
has three requests on their way: a long stream, a short one, and one that does not stream. ``headers`` are for streams.
It ends when it is told to and each of them has sent as many requests as ``total`` says.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from openai import APIStatusError, AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient

PROMPT = "Tell a long story about a harbour."
FINISHED = ("stop", "length")
LONGER = 8
"""Times the tokens of a short answer: a stream that is running when its pod is told to go still runs when the pause in
which the pod leaves its Service is over."""
AFTER_FAILURE_S = 0.2
TIMEOUT_S = 120.0
"""For everything. The SDK gives a connection 5 s, which an engine on a busy machine with two cores may need."""
BEGAN = time.monotonic()

Request = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What one worker sends."""

    pooled: bool
    stream: bool
    tokens: int


def now() -> float:
    """Seconds since the start."""
    return round(time.monotonic() - BEGAN, 3)


def tail_of(stream: AsyncStream[Any]) -> bytearray:
    """The last bytes that the server sent, as they come: the SDK keeps [DONE] to itself."""
    tail, read = bytearray(), stream.response.aiter_bytes

    async def noting() -> Any:
        async for part in read():
            tail[:] = (tail + part)[-64:]
            yield part

    vars(stream.response)["aiter_bytes"] = noting
    return tail


async def streamed(client: AsyncOpenAI, request: Request, headers: dict[str, str], record: Request) -> None:
    """Reads a stream to its end; notes whether it is whole."""
    stream = await client.chat.completions.create(**request, extra_headers=headers, stream=True)
    record["status"] = stream.response.status_code
    tail, ends = tail_of(stream), []
    async for chunk in stream:
        record["first_byte"] = record["first_byte"] or now()
        ends += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
    record["finished"] = bool(ends) and all(end in FINISHED for end in ends) and b"[DONE]" in tail
    if not record["finished"]:
        record["error"] = f"finish_reason {ends}, last bytes {bytes(tail)!r}"


async def answered(client: AsyncOpenAI, request: Request, record: Request) -> None:
    """Waits for a whole answer."""
    answer = await client.chat.completions.create(**request)
    record["status"], record["first_byte"] = 200, now()
    record["finished"] = all(choice.finish_reason in FINISHED for choice in answer.choices)


def causes(error: BaseException | None) -> str:
    """An exception with those that it came from."""
    found = []
    while error is not None:
        found.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return " <- ".join(found)[:300]


async def work(client: AsyncOpenAI, load: dict[str, Any], kind: Kind, records: list[Any]) -> None:
    """One request after the other."""
    request = {
        "model": load["model"],
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": kind.tokens,
        "temperature": 0,
        "extra_body": {"ignore_eos": True},
    }
    while sum(one["pooled"] is kind.pooled for one in records) < load["total"] or not load["stop"].exists():
        record = {
            **{"url": load["urls"][0], "stream": kind.stream, "pooled": kind.pooled, "started": now()},
            **{"first_byte": None, "ended": None, "status": None, "reused": False, "finished": False, "error": ""},
        }
        records.append(record)
        try:
            if kind.stream:
                await streamed(client, request, load["headers"], record)
            else:
                await answered(client, request, record)
        except Exception as error:  # whatever it is, it is what the application would have seen
            record["status"] = error.status_code if isinstance(error, APIStatusError) else record["status"]
            record["error"] = causes(error)
        record["ended"] = now()
        if not record["finished"]:
            await asyncio.sleep(AFTER_FAILURE_S)


async def main(folder: Path) -> None:
    load = {**json.loads((folder / "load.json").read_text()), "stop": folder / "stop"}
    options: dict[str, Any] = {"base_url": load["urls"][0], "api_key": "none"}
    options |= {"max_retries": 0, "timeout": TIMEOUT_S}
    apart = DefaultAsyncHttpxClient(limits=httpx2.Limits(max_keepalive_connections=0))
    clients = {True: AsyncOpenAI(**options), False: AsyncOpenAI(**options, http_client=apart)}
    records: list[Any] = []
    short = load["max_tokens"]
    kinds = [
        Kind(pooled, stream, tokens)
        for pooled in clients
        # The last makes its connection free for a next request all the time.
        for stream, tokens in ((True, short * LONGER), (True, short), (False, 1))
    ]
    await asyncio.gather(*(work(clients[kind.pooled], load, kind, records) for kind in kinds))
    (folder / "results.json").write_text(json.dumps(records))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
