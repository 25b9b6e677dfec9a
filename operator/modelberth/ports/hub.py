"""The model hub as the operator sees it: which commit a revision is, and what the model's config.json says.

Synchronous, because huggingface-hub is: call it through ``asyncio.to_thread`` and keep what it says by commit.
"""

import json
import time
from typing import Any, Protocol

from modelberth.ports.hub_answers import Question, problem_of
from modelberth.ports.hub_client import (
    DEFAULT_ENDPOINT,
    HfApi,
    build_hf_headers,
    errors,
    get_session,
    hf_hub_url,
    hf_raise_for_status,
)
from modelberth.ports.hub_problems import HubProblem, Reason

__all__ = ["Hub", "HubProblem", "HuggingFaceHub", "Reason"]

MAX_CONFIG_BYTES = 1 << 20
"""Largest config.json that is read, in bytes: whoever names a repository chooses what the operator has to hold."""

_NO_ANSWER_AFTER = 6
"""A config.json that trickles in is given up after this many timeouts' worth of seconds."""


class Hub(Protocol):
    """Facts about repositories, from the hub."""

    def resolve(self, repo: str, revision: str | None) -> str:
        """The commit (40 hex digits) that the revision is now; None is the default branch.

        Raises HubProblem, also for a commit that the repository does not have.
        """
        ...

    def config(self, repo: str, commit: str) -> dict[str, Any] | None:
        """config.json at the commit, None when the repository has none (GGUF). Raises HubProblem."""
        ...


class HuggingFaceHub:
    """The real hub, or a mirror of it, asked without a token: the operator has none, tokens belong to tenants.

    ``timeout_s`` bounds connecting and each read, in seconds. Nothing is written to disk.
    """

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, timeout_s: float = 5.0) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._timeout_s = timeout_s
        self._api = HfApi(endpoint=self._endpoint, token=False)

    def resolve(self, repo: str, revision: str | None) -> str:
        asked = self._question(repo, revision)
        try:
            # The hub is asked for a commit too: one that does not exist must fail here, not in the pod.
            info = self._api.model_info(
                repo, revision=revision or "main", timeout=self._timeout_s, expand=["sha"], token=False
            )
        except Exception as error:
            raise problem_of(error, asked) from error
        if not info.sha:
            raise problem_of(ValueError("no sha"), asked)
        return info.sha

    def config(self, repo: str, commit: str) -> dict[str, Any] | None:
        asked = self._question(repo, commit)
        try:
            content = self._read(hf_hub_url(repo, "config.json", revision=commit, endpoint=self._endpoint))
        except errors.EntryNotFoundError:
            return None
        except Exception as error:
            raise problem_of(error, asked) from error
        if content is None:
            raise HubProblem("CheckpointCorrupt", f"config.json of {repo} is larger than {MAX_CONFIG_BYTES} bytes.")
        try:
            config = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise HubProblem("CheckpointCorrupt", f"config.json of {repo} at {commit} is not JSON.") from error
        if not isinstance(config, dict):
            raise HubProblem("CheckpointCorrupt", f"config.json of {repo} at {commit} is not a JSON object.")
        return config

    def _read(self, url: str) -> bytes | None:
        """The content, or None when it is larger than MAX_CONFIG_BYTES."""
        headers = build_hf_headers(token=False)
        deadline = time.monotonic() + self._timeout_s * _NO_ANSWER_AFTER
        content = bytearray()
        with get_session().stream("GET", url, headers=headers, timeout=self._timeout_s) as response:
            hf_raise_for_status(response)
            for chunk in response.iter_bytes(chunk_size=1 << 16):
                content += chunk
                if len(content) > MAX_CONFIG_BYTES:
                    return None
                if time.monotonic() > deadline:
                    raise TimeoutError("the hub sends config.json too slowly")
        return bytes(content)

    def _question(self, repo: str, revision: str | None) -> Question:
        return Question(repo=repo, revision=revision or "main", endpoint=self._endpoint, token=False)
