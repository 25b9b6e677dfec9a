"""Of which containers the last lines are worth reading. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from modelberth.cli.story.pods import Container, Pod

MOST_PODS = 2
MOST_CONTAINERS = 2
"""Of a pod."""


@dataclass(frozen=True)
class Wanted:
    """A log to ask for."""

    pod: str
    container: str
    previous: bool
    """The run that ended, because another one runs by now."""


def wanted_logs(pods: list[Pod], container: str | None) -> list[Wanted]:
    """Of pods that do not answer, the containers that failed, else those that run and are not ready.

    ``container``: this one instead, of every pod that has it.
    """
    if container is not None:
        return [
            Wanted(pod.name, each.name, previous=False)
            for pod in pods
            for each in pod.details
            if each.name == container
        ]
    troubled = [pod for pod in pods if not pod.ready and pod.deleted_at is None and pod.state != "Succeeded"]
    return [wanted for pod in troubled[:MOST_PODS] for wanted in list(_of(pod))[:MOST_CONTAINERS]]


def _of(pod: Pod) -> Iterator[Wanted]:
    failed = [each for each in pod.details if each.ended is not None and each.ended.exit_code != 0 and not each.ready]
    busy = [each for each in pod.details if each.state == "running" and not each.ready]
    for each in failed or busy:
        yield Wanted(pod.name, each.name, previous=_restarted(each))


def _restarted(container: Container) -> bool:
    return container.ended is not None and container.running_since_end
