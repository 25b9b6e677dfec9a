"""Last words of containers and refusals of controllers, without what differs from one time to the next."""

import re
from typing import Any

from modelberth.hooks.words import stable

MAX = 1500
"""Characters of a container's last output that go into a message."""

_POD = re.compile(r'pods? "([a-z0-9.-]+?)-[a-z0-9]{5,10}-[a-z0-9]{5}"')


def last_words(ended: dict[str, Any]) -> str:
    """What the container left; the end of it, where the cause is."""
    text = scrubbed(str(ended.get("message") or "")).strip()
    if not text:
        return f"it left no message ({ended.get('reason', 'Error')})"
    return text if len(text) <= MAX else f"…{text[-MAX:]}"


def scrubbed(text: str) -> str:
    """Without terminal colours, times, process ids and addresses."""
    return "\n".join(map(stable, text.splitlines()))


def refusal(text: str) -> str:
    """An API server's words without the pod's generated name."""
    return _POD.sub(r'pod "\1"', text)[:MAX]
