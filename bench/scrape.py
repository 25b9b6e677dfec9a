"""What it costs the operator to ask engines for their load.

    python bench/scrape.py [--pods 4000]

A local server, in a process of its own, stands for the pods: it serves texts that the real engines wrote. The
operator's own client reads every pod once per tick and finds the load in the text. Printed per engine: size of the
text, CPU of the search alone, CPU of a whole scrape (HTTP included) and wall time of a tick. Figures of one run are
to be read against one another; the machine is shared.
"""

import argparse
import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[1]))

from modelberth.api.spec import EngineType
from modelberth.engines.catalogue import ENGINES
from modelberth.ports.engine_metrics import HttpEngineMetrics

HOST = "127.0.0.1"
CAPTURES = Path(__file__).parents[1] / "tests/engines/captures"
TEXTS: dict[EngineType, str] = {
    "vLLM": (CAPTURES / "vllm-0.32.0-load.txt").read_text(encoding="utf-8"),
    "SGLang": (CAPTURES / "sglang-0.5.23-load.txt").read_text(encoding="utf-8"),
    "LlamaCpp": (CAPTURES / "llama-cpp-b11669-load.txt").read_text(encoding="utf-8"),
}
SEARCHES = 300


@dataclass(frozen=True)
class Cost:
    """Of one scrape, and of one tick over all pods."""

    kib: float
    search_ms: float
    scrape_ms: float
    tick_s: float


async def _serve(port: Connection) -> None:
    app = web.Application()
    for engine, text in TEXTS.items():
        app.router.add_get(f"/{engine}", _answers(text))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, backlog=4096).start()
    port.send(runner.addresses[0][1])
    await asyncio.Event().wait()


def _answers(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    body = text.encode()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/plain")

    return answer


def _server(port: Connection) -> None:
    asyncio.run(_serve(port))


async def _measured(engine: EngineType, port: int, pods: int) -> Cost:
    text = TEXTS[engine]
    load = ENGINES[engine].load
    if load(text) is None:
        raise SystemExit(f"the text of {engine} tells no load")
    began = time.process_time()
    for _ in range(SEARCHES):
        load(text)
    search_ms = (time.process_time() - began) / SEARCHES * 1000
    async with HttpEngineMetrics() as metrics:

        async def scrape() -> None:
            load(await metrics.read(HOST, port, f"/{engine}"))

        await asyncio.gather(*(scrape() for _ in range(pods)))
        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(scrape() for _ in range(pods)))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(len(text) / 1024, search_ms, cpu / pods * 1000, wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=4000, help="read once per tick")
    options = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_server, args=(there,), daemon=True)
    server.start()
    port = here.recv()
    print(f"{options.pods} pods per tick")
    print(f"{'engine':<10}{'text KiB':>10}{'search ms':>11}{'CPU ms/scrape':>15}{'CPU s/tick':>12}{'wall s/tick':>13}")
    for engine in TEXTS:
        cost = asyncio.run(_measured(engine, port, options.pods))
        print(
            f"{engine:<10}{cost.kib:>10.0f}{cost.search_ms:>11.3f}{cost.scrape_ms:>15.2f}"
            f"{cost.scrape_ms * options.pods / 1000:>12.1f}{cost.tick_s:>13.1f}"
        )
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
