"""What the activator costs: memory and CPU per door and per held request, and what forwarding loses to going direct.

    python bench/activator.py --doors 1000 --held 2000

Activator, engine and client are a process each on this machine; no cluster is needed. Clients open a connection per
request, direct and through the activator, because that is what Connection: close leaves them. Ratios say more than
rates: three processes share the cores.
"""

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[1]))

from modelberth.activator.forwarding import session
from modelberth.activator.holding import Limits
from modelberth.activator.run import Activator, Options
from tests.activator.api import FakeSlices, door_slice, pod_slice

HOST = "127.0.0.1"
FIRST_DOOR, ENGINE, ADMIN = 20000, 19000, 18081
BODY = b'{"prompt": "' + b"x" * 1000 + b'"}'
MIB = 1 << 20
STREAM_MIB = 512
EVENTS = 20_000


async def engine() -> None:
    """Answers at once; /large sends STREAM_MIB, /events sends EVENTS small parts."""

    async def small(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b'{"ok": true}')

    async def parts(request: web.Request, size: int, count: int) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(count):
            await answer.write(b"x" * size)
        return answer

    app = web.Application()
    app.add_routes([web.post("/", small)])
    app.add_routes([web.post("/large", lambda request: parts(request, MIB, STREAM_MIB))])
    app.add_routes([web.post("/events", lambda request: parts(request, 100, EVENTS))])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, ENGINE, backlog=2048).start()
    await asyncio.Event().wait()


async def activator(doors: int, held: int) -> None:
    """So many doors; SIGUSR1 makes the engine the pod of the first."""
    slices = FakeSlices()
    slices.put(*(door_slice(("bench", f"model-{n}"), FIRST_DOOR + n) for n in range(doors)))
    awake = pod_slice(("bench", "model-0"), ENGINE)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, slices.put, awake)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, lambda: slices.delete(awake))
    async with session() as client:
        options = Options(port=ADMIN, limits=Limits(requests=held, requests_per_model=held), host=HOST)
        await Activator(options, client).work(slices, asyncio.Event())


class Process:
    """One of the two, and what it uses."""

    def __init__(self, *args: str) -> None:
        self._process = subprocess.Popen([sys.executable, __file__, *args])

    def tell(self, number: int) -> None:
        self._process.send_signal(number)

    @property
    def rss_mib(self) -> float:
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MIB

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


async def measure(doors: int, held: int) -> AsyncIterator[str]:
    """A line for each figure."""
    direct, through = f"http://{HOST}:{ENGINE}/", f"http://{HOST}:{FIRST_DOOR}/"
    pods, process = Process("engine"), Process("activator", "1", str(held))
    try:
        async with _client() as client:
            await _up(client)
            rss = process.rss_mib
            yield f"idle, 1 door: {rss:.0f} MiB"
            process.close()
            process = Process("activator", str(doors), str(held))
            await _up(client)
            each = (process.rss_mib - rss) / doors * 1024
            yield f"idle, {doors} doors: {process.rss_mib:.0f} MiB ({each:.1f} KiB each)"
            async for line in _holding(client, process, through, held):
                yield line
            async for line in _forwarding(client, process, direct, through):
                yield line
    finally:
        process.close()
        pods.close()


async def _holding(client: aiohttp.ClientSession, process: Process, url: str, held: int) -> AsyncIterator[str]:
    rss, cpu = process.rss_mib, process.cpu_s
    asked = [asyncio.create_task(_ask(client, url)) for _ in range(held)]
    await _until(lambda: _held(client), held)
    grown, used = process.rss_mib - rss, process.cpu_s - cpu
    yield f"{held} held: +{grown:.0f} MiB ({grown / held * 1024:.1f} KiB each), {used / held * 1e3:.2f} ms CPU each"
    cpu = process.cpu_s
    await asyncio.sleep(10)
    yield f"holding them: {(process.cpu_s - cpu) / 10 * 100:.1f} % of a core"
    cpu, started = process.cpu_s, time.monotonic()
    process.tell(signal.SIGUSR1)
    times = await asyncio.gather(*asked)
    spent, each = time.monotonic() - started, (process.cpu_s - cpu) / held * 1e3
    yield f"from ready to the last of {len(times)} answers: {spent:.2f} s, {each:.2f} ms CPU each"
    await asyncio.sleep(1)
    yield f"afterwards: {process.rss_mib:.0f} MiB"


async def _forwarding(client: aiohttp.ClientSession, process: Process, direct: str, through: str) -> AsyncIterator[str]:
    await _rate(client, through, 500)
    latency = [await _latency(client, url) for url in (direct, through)]
    yield f"latency, one at a time, p50: direct {latency[0]:.2f} ms, through {latency[1]:.2f} ms"
    rates = [await _rate(client, url, 3000) for url in (direct, through)]
    cpu = process.cpu_s
    await _rate(client, through, 3000)
    each = (process.cpu_s - cpu) / 3000 * 1e3
    yield f"32 at once: {_compared(rates, 'requests/s')}, {each:.2f} ms CPU each"
    for path, unit, count in (("large", "MiB/s", STREAM_MIB), ("events", "events/s", EVENTS)):
        speeds = []
        for url in (direct, through):
            cpu = process.cpu_s
            speeds.append(count / await _ask(client, url + path))
        used = (process.cpu_s - cpu) / count * 1e6
        yield f"{path}: {_compared(speeds, unit)}, {used:.0f} us CPU each"
    yield f"at the end: {process.rss_mib:.0f} MiB"


def _compared(rates: list[float], unit: str) -> str:
    direct, through = rates
    return f"direct {direct:.0f} {unit}, through {through:.0f} (ratio {through / direct:.2f})"


async def _ask(client: aiohttp.ClientSession, url: str) -> float:
    """Seconds of one request."""
    started = time.monotonic()
    async with client.post(url, data=BODY) as answer:
        if answer.status != 200:
            raise RuntimeError(f"{url}: HTTP {answer.status}")
        async for _ in answer.content.iter_any():
            pass
    return time.monotonic() - started


async def _latency(client: aiohttp.ClientSession, url: str) -> float:
    return statistics.median([await _ask(client, url) for _ in range(300)]) * 1e3


async def _rate(client: aiohttp.ClientSession, url: str, count: int) -> float:
    async def some() -> None:
        for _ in range(count // 32):
            await _ask(client, url)

    started = time.monotonic()
    await asyncio.gather(*(some() for _ in range(32)))
    return count // 32 * 32 / (time.monotonic() - started)


async def _held(client: aiohttp.ClientSession) -> int:
    async with client.get(f"http://{HOST}:{ADMIN}/held") as answer:
        counts: dict[str, int] = (await answer.json())["held"]
        return sum(counts.values())


async def _up(client: aiohttp.ClientSession) -> None:
    async def ready() -> Any:
        try:
            async with client.get(f"http://{HOST}:{ADMIN}/readyz") as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    await _until(ready, 200)


async def _until(ask: Callable[[], Awaitable[Any]], expected: Any) -> None:
    async with asyncio.timeout(60):
        while await ask() != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))


async def main(doors: int, held: int) -> None:
    async for line in measure(doors, held):
        print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["engine"]:
        asyncio.run(engine())
    elif sys.argv[1:2] == ["activator"]:
        asyncio.run(activator(int(sys.argv[2]), int(sys.argv[3])))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--doors", type=int, default=1000)
        parser.add_argument("--held", type=int, default=2000)
        given = parser.parse_args()
        asyncio.run(main(given.doors, given.held))
