"""Images that cannot be pulled: those of containers, and those that carry a model."""

import re

from modelberth.reconcile.checks.case import Case, Container
from modelberth.reconcile.checks.found import Found
from modelberth.reconcile.checks.words import MAX, refusal

REASONS = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
"""https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/kubelet/images/types.go and cri-api's errors.go."""

_ADVICE = (
    (
        r"401|403|unauthorized|denied|authentication|authorization failed",
        "The registry wants credentials, or has no such repository: name a pull secret in "
        "spec.podTemplate.spec.imagePullSecrets",
    ),
    (r"no match for platform", "The image was not built for the processor of this node: choose another tag"),
    (r"no space left", "The node's disk is full: free it, or use a node with more"),
    (
        r"connection refused|no such host|i/o timeout|deadline exceeded|network is unreachable|x509",
        "The node does not reach the registry: check its name, the network and the registry's certificate",
    ),
)
_DEFAULT_ADVICE = "Check the name and the tag, and the pull secret in spec.podTemplate.spec.imagePullSecrets"


def image_pull(case: Case) -> Found | None:
    """The kubelet tries for ever, more and more rarely."""
    for container in case.containers():
        if container.waiting.get("reason") in REASONS:
            error = _error(str(container.waiting.get("message", "")))
            what = f"{_subject(case, container)} cannot be pulled"
            return Found("ImagePullFailed", what, error, _advice(error))
    return None


def _subject(case: Case, container: Container) -> str:
    # The kubelet pulls image volumes first, and tells of a failure as if it were the container's own image.
    if case.model_image and case.model_image in str(container.waiting.get("message", "")):
        return f"The image {case.model_image} of spec.model.uri"
    return f"The image {container.image} of container {container.name}"


def _error(message: str) -> str:
    # ErrImagePull and ImagePullBackOff alternate; the second one wraps or, before Kubernetes 1.32, hides the first.
    text = re.sub(r'^Back-off pulling image "[^"]*"(: \w+: )?', "", message).strip()
    return refusal(text)[:MAX]


def _advice(error: str) -> str:
    return next((advice for pattern, advice in _ADVICE if re.search(pattern, error)), _DEFAULT_ADVICE)
