"""What is to be downloaded: revision -> commit -> the repository's files with their sizes and hashes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelberth.ports.hub_answers import Question, problem_of
from modelberth.ports.hub_client import DEFAULT_ENDPOINT, HfApi, get_hf_file_metadata, hf_hub_url
from modelberth.ports.hub_problems import HubProblem

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Source:
    """Where the files come from, and the token that opens it."""

    repo: str
    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = None
    timeout_s: float = 20.0
    """Bounds connecting and each read of metadata, in seconds."""

    @property
    def credential(self) -> str | bool:
        """What huggingface-hub takes; False also keeps it from looking for a token on disk."""
        return self.token or False

    def question(self, revision: str) -> Question:
        return Question(self.repo, revision, self.endpoint, token=bool(self.token))


@dataclass(frozen=True)
class RemoteFile:
    """One file of the repository at a commit."""

    path: str
    size: int | None
    """Bytes; None where the hub's listing does not say."""
    sha256: str | None = None
    """Hash of the content, for files in LFS (weights)."""
    blob: str | None = None
    """Git's object id: the sha1 of header and content for files that are not in LFS."""


@dataclass(frozen=True)
class Listing:
    """A repository at one commit."""

    commit: str
    files: tuple[RemoteFile, ...]


def listing(source: Source, wanted: str) -> Listing:
    """The repository at this revision. Raises HubProblem."""
    asked = source.question(wanted)
    api = HfApi(endpoint=source.endpoint, token=source.credential)
    try:
        info = api.model_info(
            source.repo, revision=wanted, files_metadata=True, timeout=source.timeout_s, token=source.credential
        )
    except Exception as error:
        raise problem_of(error, asked) from error
    if not info.sha or info.siblings is None:
        raise problem_of(ValueError("neither sha nor siblings"), asked)
    if _COMMIT.fullmatch(wanted) and info.sha != wanted:
        raise HubProblem("RevisionNotFound", f"{asked.hub} answers with commit {info.sha} when asked for {wanted}.")
    files = tuple(
        RemoteFile(
            path=file.rfilename,
            size=file.lfs.size if file.lfs else file.size,
            sha256=file.lfs.sha256 if file.lfs else None,
            blob=file.blob_id,
        )
        for file in info.siblings
    )
    return Listing(commit=info.sha, files=files)


def sized(source: Source, commit: str, files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """The files with their sizes; those that a mirror's listing lacks are asked for one by one. Raises HubProblem."""
    return [file if file.size is not None else _asked(source, commit, file) for file in files]


def _asked(source: Source, commit: str, file: RemoteFile) -> RemoteFile:
    asked = source.question(commit)
    try:
        url = hf_hub_url(source.repo, file.path, revision=commit, endpoint=source.endpoint)
        found = get_hf_file_metadata(url, token=source.credential, timeout=source.timeout_s, endpoint=source.endpoint)
    except Exception as error:
        raise problem_of(error, asked) from error
    if found.size is None:
        raise HubProblem("DownloadFailed", f"{asked.hub} does not say how large {file.path} is. Check HF_ENDPOINT.")
    sha256 = found.etag if found.etag and _SHA256.fullmatch(found.etag) else None
    return replace(file, size=found.size, sha256=file.sha256 or sha256)
