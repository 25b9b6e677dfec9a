"""Who uses which entry of a cache: read from the fetch container of everything that mounts it."""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from modelberth.api.uri import HubUri, parse_uri
from modelberth.cli.cache.place import Place
from modelberth.fetcher import command
from modelberth.fetcher.entry_names import ANY, entry_name, is_commit
from modelberth.manifests.names import FETCH
from modelberth.ports.model_files.selection import Wish

Raw = dict[str, Any]
TASK_LABEL = "modelberth.dev/cache-task"
"""Label of the pods that `modelberth cache` itself runs: they use nothing."""


@dataclass(frozen=True)
class User:
    """A Deployment, or a pod that has not ended, that mounts the cache."""

    title: str
    entry: str | None
    """Name of its entry, * for a commit that its fetcher asks the hub for; None where nobody can tell what it uses."""
    node: str | None
    """Where it runs, a pod only."""
    image: str | None
    """Of its fetcher, which can run `modelberth`."""
    spec: Raw
    """Of the pod."""


def users(deployments: Iterable[Raw], pods: Iterable[Raw], place: Place) -> list[User]:
    """Everybody who mounts the cache at the place."""
    found = [_user("Deployment", raw, raw["spec"]["template"]["spec"]) for raw in deployments]
    found += [_user("Pod", raw, raw["spec"]) for raw in pods if _lives(raw)]
    return [user for user in found if _mounts(user, place)]


def entry_of(arguments: Iterable[str]) -> str | None:
    """The entry that `modelberth fetch ARGUMENTS` uses, * for a commit that is not named; None where it uses none."""
    # $$ is how Kubernetes writes a $ that is none of $(NAME).
    given = [argument.replace("$$", "$") for argument in arguments]
    parser = _Quiet()
    command.add_parser(parser.add_subparsers())
    try:
        args = parser.parse_args(given)
        uri = parse_uri(args.uri)
        if args.cache is None or not isinstance(uri, HubUri):
            return None
        revision = args.revision or uri.revision or ""
        wish = Wish(args.engine, uri.file, args.allow_pickle, args.trust_remote_code)
        return entry_name(uri.repo, revision if is_commit(revision) else ANY, wish)
    except (ValueError, AttributeError):
        return None


class _Quiet(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise ValueError(message)

    def print_help(self, file: Any = None) -> None:
        """Somebody's container may be called with --help."""


def _lives(pod: Raw) -> bool:
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not ended and TASK_LABEL not in (pod["metadata"].get("labels") or {})


def _user(kind: str, raw: Raw, spec: Raw) -> User:
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    fetch: Raw = next((container for container in containers if container["name"] == FETCH), {})
    return User(
        title=f"{kind} {raw['metadata']['namespace']}/{raw['metadata']['name']}",
        entry=entry_of(fetch.get("args") or []),
        node=spec.get("nodeName"),
        image=fetch.get("image"),
        spec=spec,
    )


def _mounts(user: User, place: Place) -> bool:
    return place.is_on(user.node) and any(place.is_in(volume) for volume in user.spec.get("volumes") or [])
