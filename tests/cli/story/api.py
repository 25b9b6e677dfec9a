"""An API server that knows what a fixture has seen, and refuses what a test forbids."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from modelberth.cli.story.seen import Seen

OURS = "/apis/modelberth.dev/v1alpha1"


@dataclass
class Api:
    """Answers by path; what is not there is a 404 as the API server words it."""

    answers: dict[str, Any] = field(default_factory=dict)
    logs: dict[tuple[str, str], str] = field(default_factory=dict)
    """By pod and container."""
    forbidden: set[str] = field(default_factory=set)
    """Last parts of paths: pods, events, log, ..."""
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""

    def answer(self, target: str) -> tuple[int, str]:
        split = urlsplit(target)
        self.asked.append(target)
        parts = split.path.strip("/").split("/")
        if self.forbidden & set(parts):
            return 403, json.dumps({"message": f"{split.path} is forbidden: User may not look"})
        if parts[-1] == "log":
            container = parse_qs(split.query)["container"][0]
            log = self.logs.get((parts[-2], container))
            return (200, log) if log is not None else (400, json.dumps({"message": "waiting to start"}))
        if split.path in self.answers:
            return 200, json.dumps(self.answers[split.path])
        return 404, json.dumps({"message": f"{parts[-1]} not found"})


def api_of(seen: Seen) -> Api:
    """As the cluster was when the fixture was captured."""
    meta = seen.resource["metadata"]
    namespace, name = meta["namespace"], meta["name"]
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    discovery = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}"
    answers: dict[str, Any] = {
        OURS: {"kind": "APIResourceList"},
        f"{OURS}/namespaces/{namespace}/modeldeployments/{name}": seen.resource,
        f"{OURS}/namespaces/{namespace}/modeldeployments": listed([seen.resource]),
        f"{OURS}/namespaces/empty/modeldeployments": listed([]),
        f"{OURS}/modeldeployments": listed([seen.resource]),
        f"{apps}/deployments/{name}": seen.deployment,
        f"{apps}/replicasets": listed(seen.replica_sets),
        f"{core}/pods": listed(seen.pods),
        f"{core}/events": listed(seen.events),
        f"{core}/services/{name}": seen.service,
        f"{core}/resourcequotas": listed(seen.quotas),
        f"{discovery}/endpointslices": listed(seen.slices),
    }
    logs = {(log.pod, log.container): "\n".join(log.lines) for log in seen.logs}
    return Api({path: answer for path, answer in answers.items() if answer is not None}, logs)


def listed(items: list[Any]) -> dict[str, Any]:
    return {"kind": "List", "metadata": {}, "items": items}


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    """The API server, on a port of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.tokens.add(self.headers.get("Authorization", ""))
            status, text = api.answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    api.url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield api
    finally:
        http.shutdown()
        http.server_close()


def write_kubeconfig(file: Path, current: str, **servers: tuple[str, str]) -> Path:
    """``servers``: name of cluster and context -> (URL, namespace of the context)."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": name, "cluster": {"server": url}} for name, (url, _) in servers.items()],
        "users": [{"name": name, "user": {"token": f"token-of-{name}"}} for name in servers],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}
            for name, (_, namespace) in servers.items()
        ],
    }
    file.write_text(yaml.safe_dump(content))
    return file
