"""A model hub in memory."""

from dataclasses import dataclass, field
from typing import Any

from modelberth.api.spec import EngineType
from modelberth.planner.files import ModelFiles
from modelberth.ports.hub import HubProblem

COMMIT = "a" * 40
OTHER = "b" * 40


@dataclass
class FakeHub:
    """Every repository is at ``head`` until something else is said; ``asked`` counts questions."""

    head: str = COMMIT
    heads: dict[str, str] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    known: dict[str, ModelFiles] = field(default_factory=dict)
    """What files say; without an entry, config.json alone."""
    unread: HubProblem | None = None
    """Raised instead of files while it is set."""
    problem: Exception | None = None
    """Raised instead of an answer while it is set."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    read: list[tuple[str, str, str | None]] = field(default_factory=list)

    def resolve(self, repo: str, revision: str | None) -> str:
        self.asked.append((repo, revision))
        if self.problem is not None:
            raise self.problem
        return self.heads.get(repo, self.head)

    def files(self, repo: str, commit: str, file: str | None = None, engine: EngineType | None = None) -> ModelFiles:
        self.read.append((repo, commit, file))
        if self.unread is not None:
            raise self.unread
        return self.known.get(repo, ModelFiles(self.configs.get(repo)))


def not_found() -> HubProblem:
    """What the hub says of a repository that does not exist, or that needs a token."""
    return HubProblem("ModelNotFound", "There is no repository acme/model, or it is private.")


def unreachable() -> HubProblem:
    """The hub does not answer."""
    return HubProblem("HubUnreachable", "The hub does not answer.", transient=True)
