"""How the fetch ended: JSON in the termination log, where the operator reads it without access to pod logs."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from modelberth.ports.hub_problems import HubProblem

DEFAULT_LOG = Path("/dev/termination-log")
MAX_BYTES = 2048
"""Of the whole report: the kubelet cuts at 4096 bytes, all containers of a pod together at 12 KiB."""

_QUERY = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']*")
_USER = re.compile(r"(https?://)[^\s/@\"']+@")


@dataclass(frozen=True)
class Fetched:
    """Everything is there and verified."""

    commit: str
    files: int
    bytes: int


class Scrubber:
    """Takes secrets out of text: the token, credentials in URLs, and query strings (a CDN signs with them)."""

    def __init__(self, *secrets: str | None) -> None:
        self._secrets = [secret for secret in secrets if secret]

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _USER.sub(r"\1", _QUERY.sub(r"\1", text))


def success(fetched: Fetched) -> str:
    """The report of a complete download."""
    return json.dumps(asdict(fetched))


def failure(problem: HubProblem, scrubber: Scrubber) -> str:
    """The report of a failure, at most MAX_BYTES long."""
    message = scrubber.clean(problem.message)
    fixed = {"reason": problem.reason, "transient": problem.transient}
    while len(text := json.dumps({**fixed, "message": message}).encode()) > MAX_BYTES:
        # json escapes up to six bytes per character, so cut by the excess and look again.
        message = message[: max(0, len(message) - max(8, (len(text) - MAX_BYTES) // 6)) - 1] + "…"
    return text.decode()


def write(text: str, path: Path | None) -> None:
    """Write the report. The default file is the kubelet's: where it does not exist, this is not a pod."""
    if path is None:
        if not DEFAULT_LOG.exists():
            return
        path = DEFAULT_LOG
    path.write_text(text)
