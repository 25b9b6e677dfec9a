"""A hub of these tests alone: at the end of a slow line, counted, and down when a test says so.

Pods are led to it as to a proxy (HTTP_PROXY of the fetcher), so the operator and all other tests keep the usual hub.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from e2e.install.hub import PLACEHOLDER
from e2e.install.stage import ROOT, Stage

USUAL = "modelberth-hub"
NAMESPACE = "modelberth-slow-hub"
BYTES_PER_S = 5_000_000
"""Of all downloads together: SmolLM2 takes 20 s."""
_LINE = re.compile(r"GET (?P<url>\S+) (?P<status>\d+) range=(?P<range>\S+) auth=\S+ sent=(?P<sent>\d+)")


@dataclass(frozen=True)
class Download:
    """One answer of the hub with (a part of) a GGUF file."""

    status: int
    first: int
    """The first byte that was asked for."""
    sent: int
    """Bytes."""


@dataclass(frozen=True)
class SlowHub:
    """Installed in its own namespace."""

    stage: Stage

    def install(self) -> None:
        documents = list(yaml.safe_load_all((ROOT / "e2e" / "hub" / "hub.yaml").read_text(encoding="utf-8")))
        deployment = next(document for document in documents if document["kind"] == "Deployment")
        deployment["spec"]["template"]["spec"]["containers"][0]["args"] += ["--bandwidth", str(BYTES_PER_S)]
        text = yaml.safe_dump_all(documents).replace(USUAL, NAMESPACE).replace(PLACEHOLDER, self.stage.image("hub"))
        self.stage.kubectl("apply", "-f", "-", stdin=text)
        self.up()

    def up(self) -> None:
        """Returns when it answers."""
        self._scale(1)
        self.stage.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/hub", "--timeout=120s")

    def down(self) -> None:
        """Returns when its Service refuses connections."""
        self._scale(0)
        self.stage.kubectl("-n", NAMESPACE, "wait", "pod", "--all", "--for=delete", "--timeout=60s")

    def downloads(self) -> list[Download]:
        """Answers with weights since the hub came up."""
        log = self.stage.kubectl("-n", NAMESPACE, "logs", "deployment/hub", "--tail=-1")
        return [_download(match) for match in _LINE.finditer(log) if match["url"].endswith(".gguf")]

    @property
    def pod_template(self) -> dict[str, Any]:
        """spec.podTemplate of a model whose engine pods download from here."""
        proxy = [{"name": "HTTP_PROXY", "value": f"http://hub.{NAMESPACE}.svc"}]
        return {"spec": {"initContainers": [{"name": "fetch", "env": proxy}]}}

    def _scale(self, replicas: int) -> None:
        self.stage.kubectl("-n", NAMESPACE, "scale", "deployment/hub", f"--replicas={replicas}")


def _download(match: re.Match[str]) -> Download:
    first = re.match(r"bytes=(\d+)-", match["range"])
    return Download(int(match["status"]), int(first[1]) if first else 0, int(match["sent"]))
