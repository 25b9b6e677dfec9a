"""AdmissionReview v1: the API server's question read, and the verdict written as its answer.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import json
from dataclasses import dataclass
from typing import Any

from modelberth.api.finding import Finding
from modelberth.api.meta import GROUP, KIND

Raw = dict[str, Any]

API_VERSION = "admission.k8s.io/v1"
MAX_WARNING = 250
"""Characters. The API server may cut longer warnings (256), and kubectl shows each on a line."""
MAX_WARNINGS = 10
"""The API server drops what exceeds 4096 characters in all."""


@dataclass(frozen=True)
class Review:
    """One question: may this object be written?"""

    uid: str
    resource: Raw
    """The ModelDeployment as it would be stored."""
    old: Raw | None = None
    """What is stored now; None for a new object."""

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name)."""
        meta = self.resource["metadata"]
        return str(meta.get("namespace", "")), str(meta.get("name", ""))


@dataclass(frozen=True)
class Verdict:
    """Refused if there are findings, else allowed."""

    findings: tuple[Finding, ...] = ()
    advice: str | None = None
    """What would fit instead, in the words of the spec: "maxModelLen: 12288"."""
    warnings: tuple[str, ...] = ()
    """Sentences that kubectl prints beside an object that is allowed."""
    judged: bool = True
    """False where it is allowed because there was no time or no fact to judge it."""

    @property
    def allowed(self) -> bool:
        return not self.findings

    @property
    def result(self) -> str:
        """One word for metrics."""
        if not self.allowed:
            return "refused"
        return "allowed" if self.judged else "unjudged"


def read_review(body: bytes) -> Review:
    """The question in the body of the API server's request. Raises ValueError where it is none."""
    try:
        request = json.loads(body)["request"]
        review = Review(str(request["uid"]), request["object"], request.get("oldObject"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"this is no AdmissionReview: {error!r}") from error
    if not _is_resource(review.resource) or not (review.old is None or _is_resource(review.old)):
        raise ValueError("this is no AdmissionReview of a ModelDeployment: metadata and spec must be maps")
    return review


def _is_resource(resource: Any) -> bool:
    return isinstance(resource, dict) and all(isinstance(resource.get(part), dict) for part in ("metadata", "spec"))


def answer(review: Review, verdict: Verdict) -> Raw:
    """The AdmissionReview to send back."""
    response: Raw = {"uid": review.uid, "allowed": verdict.allowed}
    if not verdict.allowed:
        response["status"] = _refusal(review, verdict)
    if verdict.warnings:
        response["warnings"] = [_short(warning) for warning in verdict.warnings[:MAX_WARNINGS]]
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}


def _refusal(review: Review, verdict: Verdict) -> Raw:
    """A Status as the API server's own validation makes it: kubectl prints the causes, Argo CD and Flux the message."""
    lines = [str(finding) for finding in verdict.findings]
    causes = [
        {"reason": "FieldValueInvalid", "field": finding.field or "spec", "message": finding.message}
        for finding in verdict.findings
    ]
    if verdict.advice is not None:
        lines.append(f"fits with: {verdict.advice}")
        causes.append({"reason": "FieldValueInvalid", "field": "spec", "message": f"fits with: {verdict.advice}"})
    return {
        "status": "Failure",
        "code": 422,
        "reason": "Invalid",
        "message": "\n".join([f"{KIND} {'/'.join(review.key)}: {lines[0]}", *lines[1:]]),
        "details": {
            "group": GROUP,
            "kind": KIND,
            "name": review.key[1],
            "causes": causes,
        },
    }


def _short(warning: str) -> str:
    line = " ".join(warning.split())
    return line if len(line) <= MAX_WARNING else f"{line[: MAX_WARNING - 3]}..."
