"""Who may read a repository, and what the hub answers those who may not.

As the real hub does: a private repository cannot be told from a missing one, and an anonymous client is told 401
for both (https://gist.github.com/Wauplin/46c27ad266b15998ce56a6603796f0b9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from e2e.hub.repositories import Repository


class RefusedError(Exception):
    """A status with the two headers from which huggingface-hub chooses its exception."""

    def __init__(self, status: HTTPStatus, code: str | None, message: str, commit: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.commit = status, code, message, commit


@dataclass(frozen=True)
class Tokens:
    """Token -> the repositories (`ORG/NAME`, or `*` for all) it opens among the private and the gated ones."""

    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def opens(self, token: str | None, repository: str) -> bool:
        """Whether the token was given access to the repository."""
        granted = self.grants.get(token or "", frozenset())
        return "*" in granted or repository in granted

    def check(self, token: str | None) -> None:
        """Refuse a token nobody issued, whatever it asks for."""
        if token is not None and token not in self.grants:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, None, "Invalid credentials in Authorization header")

    def check_visible(self, token: str | None, repository: Repository | None) -> Repository:
        """Return the repository if the client may know of it."""
        if repository is not None and (not repository.private or self.opens(token, repository.name)):
            return repository
        if token is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "RepoNotFound", "Invalid username or password.")
        raise RefusedError(HTTPStatus.NOT_FOUND, "RepoNotFound", "Repository not found")

    def check_files(self, token: str | None, repository: Repository) -> None:
        """Refuse the files of a gated repository; its description is public."""
        if repository.gated and not self.opens(token, repository.name):
            status = HTTPStatus.UNAUTHORIZED if token is None else HTTPStatus.FORBIDDEN
            raise RefusedError(status, "GatedRepo", f"Access to model {repository.name} is restricted.")
