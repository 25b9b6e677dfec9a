"""The command as the chart runs it: a process, an API server over HTTP, and SIGTERM."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from modelberth.manifests.names import OWNER_LABEL
from tests.activator.api import FakeSlices, door_slice, pod_slice
from tests.activator.conftest import KEY
from tests.activator.engine import Engine, free_port
from tests.ports.test_kube import kubeconfig

NAMESPACED = f"/apis/discovery.k8s.io/v1/namespaces/{KEY[0]}/endpointslices"


@asynccontextmanager
async def api_server(slices: FakeSlices, asked: list[str]) -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(f"{request.method} {request.path}")
        assert request.query["labelSelector"] == OWNER_LABEL
        query = ("EndpointSlice", KEY[0], OWNER_LABEL)
        if "watch" not in request.query:
            pages = [page async for page in slices.pages(*query)]
            items = [item for page in pages for item in page["items"]]
            return web.json_response({"metadata": pages[-1]["metadata"], "items": items})
        stream = web.StreamResponse()
        await stream.prepare(request)
        async for event in slices.watch(*query, request.query["resourceVersion"]):
            await stream.write(json.dumps(event).encode() + b"\n")
        return stream

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app)
    async with server:
        yield server


async def _ready(client: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with client.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def test_it_holds_forwards_and_ends(tmp_path: Path, engine: Engine) -> None:
    slices, asked, admin, port = FakeSlices(), list[str](), free_port(), free_port()
    slices.put(door_slice(KEY, port))
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"watchNamespaces": [KEY[0]]}))
    async with api_server(slices, asked) as server, aiohttp.ClientSession() as client:
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig(server)))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "modelberth.cli.main", "activator", "--port", str(admin), "--config", str(config)),
            env={"KUBECONFIG": str(tmp_path / "kubeconfig"), "PYTHONPATH": ":".join(sys.path)},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await _ready(client, f"http://127.0.0.1:{admin}/readyz")
            held = asyncio.create_task(client.post(f"http://127.0.0.1:{port}/v1/completions", data=b"x"))
            async with client.get(f"http://127.0.0.1:{admin}/held") as answer:
                version = (await answer.json())["version"]
            async with client.get(f"http://127.0.0.1:{admin}/held?after={version}&wait=30") as answer:
                assert (await answer.json())["held"] == {"/".join(KEY): 1}
            process.send_signal(signal.SIGTERM)
            slices.put(pod_slice(KEY, engine.port))
            assert (await held).status == 200
            errors = (await asyncio.wait_for(process.communicate(), 60))[1].decode()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, errors
    assert '"level": "error"' not in errors
    assert "Traceback" not in errors
    assert set(asked) == {f"GET {NAMESPACED}"}
