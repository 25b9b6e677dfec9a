"""An API server with one claim, whose pods really run `modelberth` on a folder here."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

Raw = dict[str, Any]


@dataclass
class Cluster:
    """What the API server knows, and what it was told to do."""

    root: Path
    """What is mounted at /cache."""
    deployments: list[Raw] = field(default_factory=list)
    pods: list[Raw] = field(default_factory=list)
    created: list[Raw] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    status: Raw | None = None
    """Of pods that are created, instead of running them."""
    forbidden: str = ""
    """METHOD path that is refused."""
    log: str = ""

    def answer(self, method: str, path: str, body: Raw) -> tuple[int, Any]:
        if f"{method} {path}" == self.forbidden:
            return 403, {"message": f"{method} {path} is forbidden"}
        if path.endswith("/deployments"):
            return 200, {"metadata": {}, "items": self.deployments if "namespaces/models" in path else []}
        if path.endswith("/pods") and method == "GET":
            return 200, {"metadata": {}, "items": self.pods}
        if path.endswith("/pods"):
            return 201, self._create(body)
        if path.endswith("/log"):
            return 200, self.log
        if method == "DELETE":
            self.deleted.append(path.rsplit("/", 1)[-1])
            return 200, {}
        return 200, {**self.created[-1], "status": self.status or {"phase": "Succeeded"}}

    def _create(self, pod: Raw) -> Raw:
        pod["metadata"] |= {"name": f"{pod['metadata']['generateName']}{len(self.created)}", "uid": "u"}
        self.created.append(pod)
        arguments = [str(self.root) if each == "/cache" else each for each in pod["spec"]["containers"][0]["args"]]
        if self.status is None:
            argv = [sys.executable, "-m", "modelberth.cli.main", *arguments]
            self.log = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        return pod


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    served = Cluster(tmp_path / "cache")
    served.root.mkdir()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            assert "labelSelector" not in parse_qs(urlsplit(self.path).query), "nobody's labels are asked for"
            path = urlsplit(self.path).path
            status, found = served.answer(self.command, path, json.loads(text) if text else {})
            body = found.encode() if isinstance(found, str) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    config = tmp_path / "kubeconfig"
    address = f"http://127.0.0.1:{server.server_port}"
    config.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": {"server": address}}],
                "users": [{"name": "test", "user": {"token": "secret"}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    # The client reads KUBECONFIG when it is imported.
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(config))
    yield served
    server.shutdown()
    server.server_close()
