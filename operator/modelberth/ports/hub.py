"""The model hub as the operator sees it: which commit a revision is, and what the model's files say.

Synchronous, because huggingface-hub is: call it through ``asyncio.to_thread`` and keep what it says by commit.
"""

from typing import Protocol

from modelberth.api.spec import EngineType
from modelberth.planner.files import ModelFiles
from modelberth.ports.hub_answers import Question, problem_of
from modelberth.ports.hub_client import DEFAULT_ENDPOINT, HfApi
from modelberth.ports.hub_facts import MAX_CONFIG_BYTES, read_facts
from modelberth.ports.hub_problems import HubProblem, Reason
from modelberth.ports.hub_reader import HubReader
from modelberth.ports.hub_repository import Repository

__all__ = ["MAX_CONFIG_BYTES", "Hub", "HubProblem", "HuggingFaceHub", "Reason"]


class Hub(Protocol):
    """Facts about repositories, from the hub."""

    def resolve(self, repo: str, revision: str | None) -> str:
        """The commit (40 hex digits) that the revision is now; None is the default branch.

        Raises HubProblem, also for a commit that the repository does not have.
        """
        ...

    def files(self, repo: str, commit: str, file: str | None = None, engine: EngineType | None = None) -> ModelFiles:
        """What the files say that the engine would load; ``file`` is the GGUF that the URI names.

        Without an engine: safetensors where there are any, else the only GGUF. Usually two or three requests and less
        than 1 MiB; the header of a GGUF takes up to 16 MiB. What could not be read beside config.json is told in
        ``missing``. Raises HubProblem where nothing is known, where the hub refuses, and where the files are damaged or
        nothing that the fetcher would download.
        """
        ...


class HuggingFaceHub:
    """The real hub, or a mirror of it.

    The operator asks without a token: tokens belong to tenants. The fact-finding pod and the command line have one; it
    goes to the hub only, never into a message. ``timeout_s`` bounds connecting and each read, in seconds. Nothing is
    written to disk.
    """

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, timeout_s: float = 5.0, token: str | None = None) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._timeout_s = timeout_s
        self._token = token
        self._api = HfApi(endpoint=self._endpoint, token=token or False)

    def resolve(self, repo: str, revision: str | None) -> str:
        asked = self._question(repo, revision)
        try:
            # The hub is asked for a commit too: one that does not exist must fail here, not in the pod.
            info = self._api.model_info(
                repo, revision=revision or "main", timeout=self._timeout_s, expand=["sha"], token=self._token or False
            )
        except Exception as error:
            raise problem_of(error, asked) from error
        if not info.sha:
            raise problem_of(ValueError("no sha"), asked)
        return info.sha

    def files(self, repo: str, commit: str, file: str | None = None, engine: EngineType | None = None) -> ModelFiles:
        return read_facts(self._repository(repo, commit), file, engine)

    def _repository(self, repo: str, commit: str) -> Repository:
        return Repository(commit, self._question(repo, commit), HubReader(self._timeout_s, self._token))

    def _question(self, repo: str, revision: str | None) -> Question:
        return Question(repo, revision or "main", self._endpoint, token=bool(self._token))
