"""How an entry of a cache is called: by what is in it, so that everybody who asks for the same finds the same.

    ORG--NAME--COMMIT--model              what vLLM and SGLang load: configuration, tokenizer, safetensors
    ORG--NAME--COMMIT--gguf               what llama.cpp loads: the only GGUF of the repository
    ...--FILE-DIGEST                      the one file that the URI names
    ...--pickle, ...--code                with pickle files, with the repository's Python files

Another commit is another entry: two are never mixed. The names of organisations and repositories hold no `--`.
"""

import hashlib
import re

from modelberth.ports.model_files.selection import Wish

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = r"[A-Za-z0-9_.]+(-[A-Za-z0-9_.]+)*"
_NAME = re.compile(rf"(?P<org>{_PART})--(?P<name>{_PART})--(?P<commit>[0-9a-f]{{40}})--(model|gguf)(--{_PART})*")
_REPO = re.compile(rf"{_PART}/{_PART}")
_READABLE = 60
"""Characters of a file's or a revision's name that are kept in a name of ours."""
ANY = "*"
"""Stands for every commit in a pattern."""


def is_commit(revision: str) -> bool:
    """Whether the revision is a commit in full, which no branch can move."""
    return _COMMIT.fullmatch(revision) is not None


def entry_name(repo: str, commit: str, wish: Wish) -> str:
    """The entry's folder. ``commit`` ANY gives a pattern for those of all commits. Raises ValueError."""
    if _REPO.fullmatch(repo) is None or not (commit == ANY or is_commit(commit)):
        raise ValueError(f"{repo} at {commit} is no commit of a repository")
    return "--".join([repo.replace("/", "--"), commit, *_files(wish)])


def question_name(repo: str, revision: str, wish: Wish) -> str:
    """A name for the question which commit a branch or tag is, asked for the same files."""
    return "--".join([repo.replace("/", "--"), _slug(revision), *_files(wish)])


def repo_of(entry: str) -> str | None:
    """ORG/NAME of an entry; None where the name is none of ours."""
    match = _NAME.fullmatch(entry)
    return f"{match['org']}/{match['name']}" if match else None


def commit_of(entry: str) -> str | None:
    """The commit of an entry; None where the name is none of ours."""
    match = _NAME.fullmatch(entry)
    return match["commit"] if match else None


def _files(wish: Wish) -> list[str]:
    """What in a wish decides about files (see ports/model_files/selection.py): vLLM and SGLang get the same."""
    if wish.engine == "LlamaCpp":
        return ["gguf", *([_slug(wish.file)] if wish.file else [])]
    chosen = [_slug(wish.file)] if wish.file else ["pickle"] if wish.allow_pickle else []
    return ["model", *chosen, *(["code"] if wish.trust_remote_code else [])]


def _slug(text: str) -> str:
    """Readable, safe in a path, and different for different texts."""
    readable = re.sub("[^A-Za-z0-9_.]+", "-", text)[-_READABLE:].strip("-.")
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{readable}-{digest}" if readable else digest
