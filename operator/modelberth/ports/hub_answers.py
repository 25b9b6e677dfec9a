"""What the hub's answers and silences mean: one mapping from exceptions to problems, for operator and fetcher."""

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from modelberth.ports.hub_client import errors
from modelberth.ports.hub_problems import HubProblem

_BUSY = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Question:
    """What was asked of the hub, for messages."""

    repo: str
    revision: str
    endpoint: str
    token: bool
    """Whether a token was sent; its value never comes here."""

    @property
    def hub(self) -> str:
        """The hub's address without credentials."""
        parts = urlsplit(self.endpoint)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def problem_of(error: Exception, asked: Question) -> HubProblem:
    """The problem behind an exception of huggingface-hub or of its HTTP client."""
    if isinstance(error, HubProblem):
        return error
    if isinstance(error, errors.HfHubHTTPError):
        return _refused(error, asked)
    if isinstance(error, errors.HFValidationError):
        return HubProblem("ModelNotFound", f"{asked.repo!r} is no repository name (org/name). Correct spec.model.uri.")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubProblem("HubUnreachable", "HF_HUB_OFFLINE is set: the hub is not asked. Unset it for the fetcher.")
    if isinstance(error, (httpx2.HTTPError, OSError)):
        return _unreachable(error, asked)
    # JSON that is none, or fields that are missing: a login page or a proxy answered.
    return HubProblem(
        "HubUnreachable",
        f"{asked.hub} does not answer like a model hub ({type(error).__name__}). Check HF_ENDPOINT and proxies.",
        transient=True,
    )


def _refused(error: errors.HfHubHTTPError, asked: Question) -> HubProblem:
    """The hub answered, with an error. It answers the same for missing and for private repositories."""
    status = error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return HubProblem("ModelGated", _gated(asked))
    if isinstance(error, errors.RevisionNotFoundError):
        return HubProblem(
            "RevisionNotFound",
            f"{asked.repo} has no revision {asked.revision!r}. Correct the part after @ in spec.model.uri: "
            f"a branch, tag or commit of {asked.hub}/{asked.repo}.",
        )
    if isinstance(error, errors.DisabledRepoError):
        return HubProblem("ModelNotFound", f"{asked.hub} has disabled {asked.repo}. Use another repository.")
    if isinstance(error, errors.EntryNotFoundError):
        return HubProblem("DownloadFailed", f"{asked.hub} lists a file of {asked.repo} that it does not deliver.")
    if status == 401 and "credentials" in (error.response.headers.get("X-Error-Message") or "").lower():
        return HubProblem(
            "ModelGated",
            f"{asked.hub} does not accept the token. Put a valid one into key HF_TOKEN of spec.model.secretRef.",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        return HubProblem("ModelNotFound", _missing(asked))
    if status == 403:
        return HubProblem("ModelGated", _gated(asked))
    if status in _BUSY or status > 500:
        hint = " It limits requests; a token (spec.model.secretRef) raises the limit." if status == 429 else ""
        return HubProblem(
            "HubUnreachable", f"{asked.hub} answers HTTP {status} for {asked.repo}.{hint}", transient=True
        )
    return HubProblem(
        "HubUnreachable", f"{asked.hub} answers HTTP {status} for {asked.repo}. Check HF_ENDPOINT and proxies."
    )


def _missing(asked: Question) -> str:
    what = f"{asked.hub} knows no {asked.repo}, or it is private: the hub answers the same for both. "
    if asked.token:
        return what + "Check the name in spec.model.uri, and that the token's account may read it."
    return (
        what
        + "Check the name in spec.model.uri; for a private one name a Secret with HF_TOKEN in spec.model.secretRef."
    )


def _gated(asked: Question) -> str:
    page = f"{asked.hub}/{asked.repo}"
    if asked.token:
        return (
            f"{asked.repo} is gated and the token may not read it. Ask for access at {page} with the token's account; "
            "a fine-grained token also needs the permission to read gated repositories."
        )
    return (
        f"{asked.repo} is gated and no token was sent. Accept its conditions at {page}, then name a Secret with a "
        "token (key HF_TOKEN) in spec.model.secretRef."
    )


def _unreachable(error: Exception, asked: Question) -> HubProblem:
    """No answer: the way out depends on how it failed. Only the class and the errno text reach the message."""
    if isinstance(error, httpx2.ProxyError):
        why, way = "the proxy refuses the connection", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    elif isinstance(error, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        why = "its certificate is not trusted"
        way = "Name the CA bundle in the chart values customCA.configMap (operator) and fetcher.caConfigMap (pods)"
    elif isinstance(error, FileNotFoundError):
        why, way = "the CA bundle of SSL_CERT_FILE does not exist", "Check SSL_CERT_FILE"
    elif isinstance(error, httpx2.TimeoutException):
        why, way = "no answer in time", "Check network policies, proxies and the chart value hub.endpoint"
    else:
        why, way = _in_words(error), "Check DNS, network policies, proxies and the chart value hub.endpoint"
    return HubProblem("HubUnreachable", f"Cannot reach {asked.hub}: {why}. {way}.", transient=True)


def _in_words(error: Exception) -> str:
    text = str(error).split("\n", 1)[0].strip()
    return text[:200] if text and "://" not in text else type(error).__name__
