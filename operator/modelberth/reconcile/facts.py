"""What is known of the model before its pods are built, as far as the hub tells it to someone without a token."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.uri import HubUri, parse_uri
from modelberth.manifests.facts import Facts, model_of
from modelberth.planner.gpus import Gpu, gpu_of
from modelberth.planner.planned import FACTS_MISSING
from modelberth.reconcile.lookups import Answer, Question
from modelberth.reconcile.observed import Observed

Ask = Callable[[Question], Answer | None]

PRIVATE = {"ModelNotFound", "ModelGated"}
"""What the hub says of a repository that needs a token: the operator has none."""


@dataclass(frozen=True)
class AskPod:
    """Only a pod in the resource's namespace can tell: it holds the token, or mounts the claim."""


def facts_from_hub(md: ModelDeployment, observed: Observed, ask: Ask) -> Answer | AskPod | None:
    """The answer (its ``problem`` keeps pods from starting, ``unread`` does not); None while the hub is asked."""
    uri = parse_uri(md.spec.model.uri)
    judged = judgeable(md)
    if not isinstance(uri, HubUri):
        return AskPod() if judged else Answer()
    commit = known_commit(md, observed)
    if commit and not judged:
        # The same files as before; what the hub says now does not matter to them.
        return Answer(commit)
    answer = ask(Question(uri.repo, commit or uri.revision, uri.file, md.spec.engine.type if judged else None))
    if answer is None or answer.problem is None:
        return answer
    if md.spec.model.secret_ref is not None and answer.problem.reason in PRIVATE:
        return AskPod()
    return replace(answer, commit=commit, unread=answer.problem, problem=None) if commit else answer


def hub_question(md: ModelDeployment, commit: str | None = None) -> Question | None:
    """What to ask the hub for the files; None where it cannot help."""
    uri = parse_uri(md.spec.model.uri)
    if not isinstance(uri, HubUri) or not judgeable(md):
        return None
    return Question(uri.repo, commit or uri.revision, uri.file, md.spec.engine.type)


def asks_mounted(md: ModelDeployment) -> bool:
    """Whether the model is on a claim or in an image: without its files pods can start, if unplanned."""
    return not isinstance(parse_uri(md.spec.model.uri), HubUri)


def unread(md: ModelDeployment, observed: Observed) -> bool:
    """Whether pods are asked for whose model was not read, because there were none to be planned."""
    frozen, workload = observed.frozen, observed.workload
    if (
        md.spec.autoscaling is not None
        or frozen is None
        or workload is None
        or not (wanting(frozen.facts) and asks_mounted(md) and judgeable(md))
    ):
        return False
    return md.spec.replicas > 0 and workload["spec"].get("replicas") == 0


def wanting(facts: Facts) -> bool:
    """Whether the pods were built although nothing could be judged for want of files."""
    return facts.planned.reason == FACTS_MISSING


def known_commit(md: ModelDeployment, observed: Observed) -> str | None:
    """What spec.model was resolved to, as long as spec.model is the same."""
    frozen = observed.frozen
    if frozen is not None:
        return frozen.facts.commit if frozen.model == model_of(md) else None
    weights = observed.status.get("weights") or {}
    return weights.get("commit") if weights.get("uri") == md.spec.model.uri else None


def judgeable(md: ModelDeployment) -> bool:
    """Whether the budget is known: a memory limit, or a GPU. Else the model's files would tell nothing."""
    return md.spec.device == "CPU" or isinstance(gpu_of(md.spec.gpu), Gpu)
