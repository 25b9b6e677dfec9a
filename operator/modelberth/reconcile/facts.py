"""Which facts the pods are built from: the frozen ones while what they were looked up for stays, else new ones."""

from collections.abc import Callable
from dataclasses import replace

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.uri import HubUri, parse_uri
from modelberth.manifests.facts import Facts, freeze
from modelberth.reconcile.lookups import Answer, Question
from modelberth.reconcile.observed import Observed

PRIVATE = {"ModelNotFound", "ModelGated"}
"""What the hub says of a repository that needs a token: only the fetcher holds it, so only it can resolve."""


def facts_for(
    md: ModelDeployment, observed: Observed, ask: Callable[[Question], Answer | None]
) -> Facts | Answer | None:
    """Facts; the Answer whose problem keeps pods from starting; or None while the hub is asked."""
    frozen = observed.frozen
    current = freeze(md, Facts())
    if frozen is not None and frozen.inputs == current.inputs:
        return frozen.facts
    uri = parse_uri(md.spec.model.uri)
    if not isinstance(uri, HubUri):
        return Facts()
    known = _known(md, observed)
    if known.commit and (known.kv_bytes_per_token or not _needs_config(md)):
        # The same files as before; what the hub says now does not matter to them.
        return known
    answer = ask(Question(uri.repo, known.commit or uri.revision, config=_needs_config(md)))
    if answer is None:
        return None
    if answer.problem is None:
        return Facts(commit=known.commit or answer.commit, kv_bytes_per_token=answer.kv_bytes_per_token)
    if known.commit:
        return known
    if md.spec.model.secret_ref is not None and answer.problem.reason in PRIVATE:
        return Facts()
    return answer


def _known(md: ModelDeployment, observed: Observed) -> Facts:
    """What spec.model was resolved to, as long as spec.model is the same."""
    frozen = observed.frozen
    if frozen is not None:
        # The pods roll anyway, so they get the fetcher of today.
        same = frozen.model == freeze(md, Facts()).model
        return replace(frozen.facts, fetcher_image=None) if same else Facts()
    weights = observed.status.get("weights") or {}
    return Facts(commit=weights.get("commit") if weights.get("uri") == md.spec.model.uri else None)


def _needs_config(md: ModelDeployment) -> bool:
    """SGLang is told its KV cache on the CPU in tokens, so their size must be known."""
    return md.spec.device == "CPU" and md.spec.engine.type == "SGLang"
