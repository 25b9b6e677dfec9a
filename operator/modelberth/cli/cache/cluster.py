"""`modelberth cache list|prune --claim|--host-path`: what nobody uses may go, after somebody said yes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Protocol

from modelberth.cli.cache.problem import CacheProblem
from modelberth.cli.cache.rows import Row, removable
from modelberth.cli.cache.users import User
from modelberth.fetcher.prune import Pruning


class Runner(Protocol):
    """One cache in a cluster: see runner.py."""

    async def users(self) -> list[User]: ...

    async def run(self, arguments: Sequence[str], found: Sequence[User]) -> list[Row]: ...


@dataclass(frozen=True)
class PruneWish:
    """What a person wants pruned."""

    pruning: Pruning
    """``keep``: beside what is used."""
    ignore_others: bool
    consent: Callable[[list[Row]], bool] | None
    """Asked with what would go; None where nobody is asked."""


async def show(runner: Runner) -> list[Row]:
    """Every entry with who uses it. Raises CacheProblem, ApiError."""
    found = await runner.users()
    return _with_users(await runner.run(["list"], found), found)


async def prune(runner: Runner, wish: PruneWish) -> list[Row]:
    """Every entry with who uses it and what became of it. Raises CacheProblem, ApiError."""
    if wish.consent:
        would = await _prune(runner, replace(wish, pruning=replace(wish.pruning, dry_run=True)))
        if not removable(would):
            return would
        if not wish.consent(would):
            raise CacheProblem("Nothing was deleted.")
    # Looked up once more: somebody may have come while the question stood.
    return await _prune(runner, wish)


async def _prune(runner: Runner, wish: PruneWish) -> list[Row]:
    found = await runner.users()
    strangers = [user.title for user in found if user.entry is None]
    if strangers and not wish.ignore_others:
        raise CacheProblem(
            f"Nothing was deleted: {', '.join(strangers)} mounts the cache too, and nobody can tell what it uses. Name "
            "that with --keep, and add --ignore-others."
        )
    keep = sorted({*wish.pruning.keep, *(user.entry for user in found if user.entry)})
    arguments = ["prune", "--recent", f"{wish.pruning.recent_s:g}", *(["--dry-run"] if wish.pruning.dry_run else [])]
    return _with_users(await runner.run([*arguments, "--keep", *keep], found), found)


def _with_users(rows: Iterable[Row], found: Sequence[User]) -> list[Row]:
    return [{**row, "usedBy": [user.title for user in found if _uses(user, row["entry"])]} for row in rows]


def _uses(user: User, entry: str) -> bool:
    """Of a branch, any commit may be meant. Whose use nobody can tell is named with everything."""
    return user.entry is None or fnmatchcase(entry, user.entry)
