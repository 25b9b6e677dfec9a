"""One commit of a repository on the hub: its listing and its files, with problems as status tells them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import quote

from modelberth.ports.hub_answers import Question, problem_of
from modelberth.ports.hub_client import errors, hf_hub_url
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.hub_reader import HubReader
from modelberth.ports.model_files.problems import CorruptHeader, HeaderProblem

MAX_LISTING_BYTES = 4 << 20
"""Largest listing that is read, in bytes: about 13,000 files."""


@dataclass(frozen=True)
class Listing:
    """What the hub says of all files at once."""

    sizes: Mapping[str, int | None]
    """Bytes by path; None where a mirror does not say."""
    parameters: Mapping[str, int]
    """The hub's own count of elements by type, over the safetensors; empty where it has none."""


@dataclass(frozen=True)
class Repository:
    """Read through ``reader``; ``asked`` is for messages."""

    commit: str
    asked: Question
    reader: HubReader

    def listing(self) -> Listing | None:
        """None where it is larger than MAX_LISTING_BYTES. Raises HubProblem."""
        url = f"{self.asked.endpoint}/api/models/{quote(self.asked.repo)}/revision/{quote(self.commit, safe='')}"
        try:
            content = self.reader.read(f"{url}?blobs=true", MAX_LISTING_BYTES)
            if content is None:
                return None
            document = json.loads(content)
            sizes = {str(file["rfilename"]): _size(file) for file in document["siblings"]}
            return Listing(sizes, _parameters(document.get("safetensors")))
        except Exception as error:
            raise problem_of(error, self.asked) from error

    def content(self, path: str, limit: int) -> bytes | None:
        """The file, None without it. Raises HubProblem, also where it is larger than ``limit`` bytes."""
        try:
            content = self.reader.read(self.url(path), limit)
        except errors.EntryNotFoundError:
            return None
        except Exception as error:
            raise problem_of(error, self.asked) from error
        if content is None:
            raise HubProblem("CheckpointCorrupt", f"{path} of {self.asked.repo} is larger than {limit} bytes.")
        return content

    def json(self, path: str, limit: int) -> dict[str, Any] | None:
        """The object in the file, None without it. Raises HubProblem."""
        content = self.content(path, limit)
        if content is None:
            return None
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._corrupt(path, "it is not JSON") from error
        if not isinstance(found, dict):
            raise self._corrupt(path, "it is not a JSON object")
        return found

    @contextmanager
    def open(self, path: str, first: int) -> Iterator[BinaryIO]:
        """The file; ``first`` bytes are asked for first.

        Raises HubProblem for whatever goes wrong inside the block, but HeaderProblem for what only we cannot read.
        """
        try:
            with self.reader.open(self.url(path), first) as file:
                yield file
        except CorruptHeader as error:
            raise self._corrupt(path, error) from error
        except HeaderProblem as error:
            raise HeaderProblem(f"{path} of {self.asked.repo}: {error}.") from error
        except Exception as error:
            raise problem_of(error, self.asked) from error

    def url(self, path: str) -> str:
        return hf_hub_url(self.asked.repo, path, revision=self.commit, endpoint=self.asked.endpoint)

    def _corrupt(self, path: str, why: object) -> HubProblem:
        return HubProblem("CheckpointCorrupt", f"{path} of {self.asked.repo} at {self.commit}: {why}.")


def _size(file: Mapping[str, Any]) -> int | None:
    """Bytes of the content: for files in LFS, ``size`` beside it may be that of the pointer."""
    lfs = file.get("lfs")
    size = (lfs if isinstance(lfs, Mapping) else file).get("size")
    return size if isinstance(size, int) and size >= 0 else None


def _parameters(summary: Any) -> dict[str, int]:
    found = summary.get("parameters") if isinstance(summary, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {str(name): count for name, count in found.items() if isinstance(count, int) and count >= 0}
