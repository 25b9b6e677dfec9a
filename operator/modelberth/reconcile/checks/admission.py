"""Pods that the API server refuses. Only the Deployment says so: there is no pod that could."""

import re
from collections.abc import Callable

from modelberth.reconcile.checks.case import Case
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.words import refusal

Match = re.Match[str]
_Answer = Callable[[Match], Found]


def rejected(case: Case) -> Found | None:
    """Who refuses the pods, and why."""
    for condition in ((case.workload or {}).get("status") or {}).get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return judged(refusal(str(condition.get("message", ""))))
    return None


def judged(message: str) -> Found:
    """What the API server's words mean."""
    for pattern, answer in _ANSWERS:
        if found := re.search(pattern, message, re.DOTALL):
            return answer(found)
    return Found("PodRejected", "The API server refuses the pods", message, "Look at spec.podTemplate first")


def _quota(found: Match) -> Found:
    name, numbers = found.groups()
    what = f"The ResourceQuota {name} of this namespace has no room for the pods"
    # It may end by itself, and does where the pod that is replaced counts until it has drained.
    advice = "Raise it, ask for less in spec.resources, or free what others use"
    return Found("QuotaExceeded", what, numbers, advice, stalled=False)


def _quota_wants(found: Match) -> Found:
    name, wish = found.groups()
    what = f"The ResourceQuota {name} of this namespace takes only pods that say more"
    return Found("QuotaExceeded", what, wish, "Set it in spec.resources, or for other containers in spec.podTemplate")


def _security(found: Match) -> Found:
    level, violations = found.groups()
    what = f"Pod Security {level} of this namespace forbids the pods"
    advice = "Correct spec.podTemplate, or the label pod-security.kubernetes.io/enforce of the namespace"
    return Found("PodRejected", what, violations, advice)


def _webhook_denied(found: Match) -> Found:
    name, words = found.groups()
    return Found("PodRejected", f"The admission webhook {name} denies the pods", words, "Its owner can say more")


def _webhook_down(found: Match) -> Found:
    name, error = found.groups()
    what = f"The admission webhook {name} has to admit the pods and does not answer"
    advice = "Repair it, or have its owner exempt this namespace; it is no webhook of Modelberth"
    # It may come back; pods are tried again all the time.
    return Found("PodRejected", what, error, advice, stalled=False)


def _policy(found: Match) -> Found:
    name, words = found.groups()
    return Found(
        "PodRejected", f"The ValidatingAdmissionPolicy {name} denies the pods", words, "Its owner can say more"
    )


def _limits(found: Match) -> Found:
    what = "A LimitRange of this namespace forbids the pods"
    return Found("PodRejected", what, found[1], "Correct spec.resources, or for other containers spec.podTemplate")


def _absent(found: Match) -> Found:
    kind, name = next((kind, name) for kind, name in found.groupdict().items() if name)
    advice = f"Create it, or correct spec.podTemplate.spec.{kind[0].lower()}{kind[1:]}Name"
    return Found("ConfigMissing", f"There is no {kind} {name}", advice=advice)


# The words are those of the admission plugins of Kubernetes 1.36.
_ANSWERS: tuple[tuple[str, _Answer], ...] = (
    (r"exceeded quota: ([^,]+), (.+)", _quota),
    (r"failed quota: ([^:]+): (.+)", _quota_wants),
    (r'violates PodSecurity "([^":]+)[^"]*": (.+)', _security),
    (r'admission webhook "([^"]+)" denied the request:? ?(.*)', _webhook_denied),
    (r'failed calling webhook "([^"]+)": (.+)', _webhook_down),
    (r"ValidatingAdmissionPolicy '([^']+)'.*? denied request: (.+)", _policy),
    (r'serviceaccount "(?P<ServiceAccount>[^"]+)" not found', _absent),
    (r"no PriorityClass with name (?P<PriorityClass>\S+) was found", _absent),
    (r'RuntimeClass "(?P<RuntimeClass>[^"]+)" not found', _absent),
    (r"((?:maximum|minimum) \S+ (?:usage|limit)[^\n]* per (?:Container|Pod)[^\n]*)", _limits),
)
