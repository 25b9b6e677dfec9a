"""The API server as a person reaches it: their kubeconfig, their rights, logs as text."""

import os
from pathlib import Path

import aiohttp
import yaml
from kubernetes.aio import client, config

from modelberth.ports.kube import TIMEOUT_S, ApiError, Call, KubeApi

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
MAX_SAID = 500
"""Characters of an error page that are told."""


class UserKube(KubeApi):
    """``KubeApi`` by a kubeconfig, found as kubectl finds it: the option, KUBECONFIG, ~/.kube/config, else the pod's.

    ``namespace`` is that of the context.
    """

    def __init__(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        super().__init__()
        # Unlike a pod, a person may need a proxy to reach the API server; kubectl takes it from the environment too.
        self._configuration.client_session_kwargs = {"trust_env": True}
        self._option = kubeconfig
        self._context = context
        self.namespace = "default"

    async def __aenter__(self) -> "UserKube":
        """Raises ApiError where no cluster is named, or not well."""
        named = self._option or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        files = [file for file in map(_file, named.split(os.pathsep)) if file is not None]
        if files:
            await self._load_files(named, files)
        elif self._option or self._context or not self._load_pod():
            raise ApiError(0, f"no kubeconfig: {named} is no file. Set KUBECONFIG, or say --kubeconfig FILE.")
        self.client = client.ApiClient(self._configuration)
        return self

    async def _load_files(self, named: str, files: list[Path]) -> None:
        try:
            loader = await config.load_kube_config(
                os.pathsep.join(map(str, files)),
                self._context or _current_context(files),
                self._configuration,
                persist_config=False,
            )
        except (config.ConfigException, OSError, ValueError, TypeError, yaml.YAMLError) as error:
            raise ApiError(0, f"the kubeconfig {named} cannot be used: {error}") from error
        self.namespace = (loader.current_context.get("context") or {}).get("namespace") or "default"

    def _load_pod(self) -> bool:
        """Whether this is a pod."""
        if not SERVICE_ACCOUNT_NAMESPACE.is_file():
            return False
        try:
            config.load_incluster_config(client_configuration=self._configuration)
        except config.ConfigException as error:
            raise ApiError(0, f"no kubeconfig, and the pod's service account cannot be used: {error}") from error
        self.namespace = SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip()
        return True

    async def text(self, path: str, query: dict[str, str]) -> str:
        """GET of what is not JSON, such as a log. Raises ApiError."""
        try:
            answer = await self._send(Call("GET", path, query), TIMEOUT_S)
            body: bytes = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, f"GET {path}: {error!r}") from error
        text = body.decode(errors="replace")
        if answer.status != 200:
            raise ApiError(answer.status, text[:MAX_SAID])
        return text


def _file(name: str) -> Path | None:
    path = Path(name).expanduser()
    return path if name and path.is_file() else None


def _current_context(files: list[Path]) -> str | None:
    """Of several files the first that names one counts, as with kubectl; the client would take the last one's.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files
    """
    for file in files:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("current-context"):
            return str(content["current-context"])
    return None
