"""Facts of models: from the folders of --model-config, else from the hub, each repository once."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.spec import EngineType
from modelberth.api.uri import HubUri, parse_uri
from modelberth.cli.inputs import Inputs
from modelberth.manifests.settings import HubSettings
from modelberth.planner.files import ModelFiles
from modelberth.ports.hub_problems import HubProblem

if TYPE_CHECKING:
    from modelberth.ports.hub import HuggingFaceHub

Facts = tuple[ModelFiles, tuple[str, ...]]
"""What was read of a model's files, and why the rest is missing."""


_NOTHING = ModelFiles()


class ModelFacts:
    """Looks models up; what was found is kept. ``environ`` may name the hub (HF_ENDPOINT) and a token (HF_TOKEN)."""

    def __init__(self, inputs: Inputs, environ: Mapping[str, str]) -> None:
        self._inputs = inputs
        self._environ = environ
        self._known: dict[tuple[HubUri, EngineType], Facts] = {}
        self._unreachable: str | None = None

    def of(self, md: ModelDeployment) -> Facts:
        """Facts of the model. Never raises: a hub that cannot be reached is what is missing."""
        files = self._inputs.files_of(md.name)
        if files is not None:
            return files, files.missing
        uri = parse_uri(md.spec.model.uri)
        if not isinstance(uri, HubUri):
            return _NOTHING, (f"the files of {uri} are in the cluster; name a copy with --model-config",)
        asked = (uri, md.spec.engine.type)
        if asked not in self._known:
            self._known[asked] = self._ask(*asked)
        return self._known[asked]

    def _ask(self, uri: HubUri, engine: EngineType) -> Facts:
        # One silence is enough: a file with a hundred models would wait for a hundred timeouts.
        if self._unreachable is not None:
            return _NOTHING, (self._unreachable,)
        try:
            commit = self._hub.resolve(uri.repo, uri.revision)
            files = self._hub.files(uri.repo, commit, uri.file, engine)
        except HubProblem as problem:
            if problem.transient:
                self._unreachable = problem.message
            return _NOTHING, (problem.message,)
        return files, files.missing

    @cached_property
    def _hub(self) -> "HuggingFaceHub":
        # Imported here: the hub's client takes longer than all else, and with --model-config nobody needs it.
        from modelberth.ports.hub import HuggingFaceHub

        endpoint = self._inputs.settings.hub.endpoint
        if endpoint == HubSettings().endpoint:
            endpoint = self._environ.get("HF_ENDPOINT") or endpoint
        return HuggingFaceHub(endpoint, token=self._environ.get("HF_TOKEN") or None)
