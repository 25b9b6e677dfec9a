"""Writes a fixture: what a real cluster says around one ModelDeployment, without what no story reads.

python -m tests.cli.story.capture NAMESPACE NAME > tests/cli/story/fixtures/CASE.yaml
"""

import asyncio
import sys
from dataclasses import asdict
from typing import Any

import yaml

from modelberth.cli.story.reader import resource_of, seen_around
from modelberth.cli.story.seen import Seen
from modelberth.ports.user_kube import UserKube

LEFT_OUT = frozenset(
    {
        "managedFields",
        "annotations",
        "containerID",
        "env",
        "fieldPath",
        "firstTimestamp",
        "imageID",
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "reportingComponent",
        "reportingInstance",
        "securityContext",
        "source",
        "startupProbe",
        "template",
        "tolerations",
        "topologySpreadConstraints",
        "volumeMounts",
    }
)


def trimmed(value: Any) -> Any:
    """Without LEFT_OUT at any depth; of a pod template its labels stay."""
    if isinstance(value, dict):
        kept = {key: trimmed(each) for key, each in value.items() if key not in LEFT_OUT}
        if "template" in value:
            kept["template"] = {"metadata": {"labels": value["template"]["metadata"]["labels"]}}
        return kept
    return [trimmed(each) for each in value] if isinstance(value, list | tuple) else value


async def seen_in_cluster(namespace: str, name: str) -> Seen:
    async with UserKube() as kube:
        return await seen_around(kube, await resource_of(kube, namespace, name))


def main() -> None:
    namespace, name = sys.argv[1:]
    seen = asdict(asyncio.run(seen_in_cluster(namespace, name)))
    # Others' events in the namespace are not part of the case.
    seen["events"] = [event for event in seen["events"] if event["involvedObject"]["name"].startswith(name)]
    del seen["refused"]
    yaml.safe_dump(trimmed(seen), sys.stdout, sort_keys=False, width=110)


if __name__ == "__main__":
    main()
