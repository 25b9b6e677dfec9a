"""What to do about a reason. Pure data, and the sentences that are made of it.

The condition's message says what is wrong with this very resource; this says where a person goes from there.
"""

from modelberth.cli.story.headline import UNSEEN, Headline

PAGE = "docs/troubleshooting.md"

SPEC, MEMORY, WEIGHTS = "the-spec", "memory-and-hardware", "weights"
BEFORE, ENGINE = "before-the-engine-starts", "the-engine"
AUTOSCALING, CALM, OPERATOR = "autoscaling", "nothing-is-wrong", "the-operator-itself"

_LOGS = "kubectl -n {namespace} logs POD -c engine --previous"
_SECRET = "Name a Secret with the key HF_TOKEN in spec.model.secretRef"

STEPS: dict[str, tuple[str, str]] = {
    "InvalidSpec": ("Correct the field that the message names, and apply it again.", SPEC),
    "NameConflict": ("Rename or delete the object that has the name already, or choose another name.", SPEC),
    "Rejected": ("Change what the API server refuses: an admission policy, or spec.podTemplate.", SPEC),
    "QuotaExceeded": ("Raise the quota of namespace {namespace}, free some of it, or ask for less.", BEFORE),
    "DoesNotFit": (
        "Apply one of the changes that fit. Where you know better: annotate it with modelberth.dev/plan-policy: Warn.",
        MEMORY,
    ),
    "UnsupportedHardware": ("Choose another GPU, type or split, as the message says.", MEMORY),
    "OutOfGpuMemory": ("Lower spec.gpuMemoryUtilization, maxModelLen or maxNumSeqs; is the GPU shared?", ENGINE),
    "KVCacheTooSmall": ("Lower spec.maxModelLen, or raise spec.gpuMemoryUtilization.", ENGINE),
    "OutOfMemory": ("Raise spec.resources.limits.memory, or lower spec.maxModelLen.", ENGINE),
    "DriverTooOld": ("Use nodes with a newer GPU driver, or an image made for the one that they have.", BEFORE),
    "ModelNotFound": (f"Correct spec.model.uri. Is the repository private? {_SECRET}.", WEIGHTS),
    "ModelGated": (f"Accept the licence on the hub. {_SECRET}.", WEIGHTS),
    "RevisionNotFound": ("Correct the part behind @ in spec.model.uri.", WEIGHTS),
    "HubUnreachable": (
        "Nothing, if the hub is down: it is asked again. Else look at proxies and NetworkPolicies.",
        WEIGHTS,
    ),
    "DownloadFailed": ("Look at the whole log: kubectl -n {namespace} logs POD -c fetch", WEIGHTS),
    "CheckpointCorrupt": ("Look at the mirror or proxy in between, or choose another revision.", WEIGHTS),
    "NotEnoughDisk": ("Ask for more in spec.resources.requests.ephemeral-storage, or use a larger volume.", WEIGHTS),
    "UnsupportedModel": ("Choose another engine or engine version, or another repository or file.", WEIGHTS),
    "Unschedulable": ("Free or add what the scheduler misses, or ask for less: spec.gpu, spec.resources.", BEFORE),
    "ConfigMissing": ("Create the Secret, key or claim that is named; the pod goes on by itself.", BEFORE),
    "ImagePullFailed": ("Correct spec.engine.image, its tag or the pull secret; is the registry reachable?", BEFORE),
    "PodRejected": ("Change spec.podTemplate, or the policy of namespace {namespace}.", BEFORE),
    "EngineArgsRejected": ("Correct spec.engine.args; the engine says which argument it refuses.", ENGINE),
    "CrashLoop": (f"Read all that the engine wrote: {_LOGS}", ENGINE),
    "RelayFailed": ("Read what it wrote: kubectl -n {namespace} logs POD -c relay --previous", ENGINE),
    "PodFailed": ("A new pod is made by itself. If it comes again: the node's memory and disk.", ENGINE),
    "StartTimeout": ("Read what the engine waits for: kubectl -n {namespace} logs POD -c engine", ENGINE),
    "Unhealthy": ("Read what the engine does: kubectl -n {namespace} logs POD -c engine", ENGINE),
    "NoActivator": ("Bring the activator's pods back, or set spec.autoscaling.minReplicas to 1.", AUTOSCALING),
    UNSEEN: ("Is the operator there? kubectl get pods -A -l app.kubernetes.io/name=modelberth", OPERATOR),
}
"""Reason of Ready -> what to do, and the part of PAGE that says more."""

OTHER = ("Read the message; it is in the words of who refused.", BEFORE)
"""Of a reason that a newer operator knows."""


def next_step(headline: Headline) -> str:
    """What a person does now; empty where there is nothing to do."""
    if headline.stale:
        return "Wait for the operator to look at the newest spec; if it does not: is it running?"
    if not headline.problem:
        return ""
    text, _ = STEPS.get(headline.reason, OTHER)
    return text.format(namespace=headline.namespace, name=headline.name)


def documented(headline: Headline) -> str:
    """Where the documentation says more; empty where nothing is wrong."""
    if not headline.problem and not headline.stale:
        return ""
    return f"{PAGE}#{OPERATOR if headline.stale else STEPS.get(headline.reason, OTHER)[1]}"
