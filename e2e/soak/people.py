"""What people do to models, on purpose and by mistake."""

from collections.abc import Callable

from e2e.command import wait_until
from e2e.soak.fleet import CONTEXTS, PROBE, Raw, simulated
from e2e.soak.ground import Ground

SEVERAL = 4
"""Resources that one disturbance hits."""

LABELS: Raw = {"metadata": {"labels": {"modelberth.dev/modeldeployment": None, "app.kubernetes.io/managed-by": None}}}
HASH: Raw = {"metadata": {"annotations": {"modelberth.dev/hash": None}}}
SELECTOR: Raw = {"spec": {"selector": {"modelberth.dev/modeldeployment": "somebody-else"}}}

Patch = Raw | list[Raw]

EDITS: tuple[tuple[str, str, Patch], ...] = (
    ("replicas", "deployment", {"spec": {"replicas": 5}}),
    (
        "image",
        "deployment",
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "localhost/nothing:1"}],
    ),
    ("arguments", "deployment", [{"op": "remove", "path": "/spec/template/spec/containers/0/args/0"}]),
    ("labels", "deployment", LABELS),
    ("hash", "deployment", HASH),
    ("labels", "service", LABELS),
    ("selector", "service", SELECTOR),
    ("port", "service", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9}]),
    ("hash", "service", HASH),
)
"""What is changed, of which child, and how."""

DELETIONS: tuple[tuple[str, ...], ...] = (
    ("deployment", "{name}"),
    ("deployment", "{name}", "--cascade=orphan"),
    ("deployment", "{name}", "--cascade=foreground"),
    ("service", "{name}"),
    ("poddisruptionbudget", "{name}"),
    ("endpointslice", "-l", "kubernetes.io/service-name={name}"),
    ("replicaset", "-l", "modelberth.dev/modeldeployment={name}"),
    ("pod", "-l", "modelberth.dev/modeldeployment={name}"),
)
"""Arguments of ``kubectl delete``."""

Effect = tuple[str, frozenset[str]]
"""What was done, and the resources whose own engine or Service it hit."""


def delete_children(ground: Ground) -> Effect:
    return _each(ground, _delete_child)


def edit_children(ground: Ground) -> Effect:
    return _each(ground, _edit_child)


def change_specs(ground: Ground) -> Effect:
    resources = [_changed(ground, name) for name in ground.random.sample(ground.wanted.simulated(), SEVERAL)]
    ground.apply(resources)
    names = [resource["metadata"]["name"] for resource in resources]
    specs = [resource["spec"] for resource in resources]
    told = [f"{name}: {spec['replicas']} x {spec['maxModelLen']}" for name, spec in zip(names, specs, strict=True)]
    return "; ".join(told), frozenset(names)


def create_and_delete(ground: Ground) -> Effect:
    """Some go, as many come, and one comes back under its name before its children are gone."""
    names = ground.random.sample([name for name in ground.wanted.simulated() if name != PROBE], 3)
    again = ground.wanted.resource(names[0])
    ground.delete(names)
    new = [_new(ground) for _ in names[1:]]
    ground.apply([again, *new])
    created = [resource["metadata"]["name"] for resource in new]
    return f"deleted {', '.join(names)}; created {names[0]} again, {', '.join(created)}", frozenset(names)


def take_ownership(ground: Ground) -> Effect:
    """A child that lost its owner is not ours any more: the status says so, and what it advises is done."""
    name = ground.random.choice(ground.wanted.simulated())
    ground.patch("service", name, {"metadata": {"ownerReferences": None}})

    def told() -> bool:
        return "NameConflict" in ground.kubectl("get", "mdep", name, "-o", "jsonpath={.status.conditions[*].reason}")

    wait_until(f"{name} says NameConflict", told, 60)
    ground.kubectl("delete", "service", name)
    return f"Service {name} lost its owner; NameConflict; deleted", frozenset([name])


def probe(ground: Ground) -> None:
    """Something to do for whoever leads."""
    resource = ground.wanted.resource(PROBE)
    resource["spec"] = {**resource["spec"], "replicas": 1 if resource["spec"]["replicas"] == 2 else 2}
    ground.apply([resource])


def _each(ground: Ground, act: Callable[[Ground, str], str]) -> Effect:
    names = ground.random.sample(ground.wanted.names(), SEVERAL)
    return "; ".join(act(ground, name) for name in names), frozenset(names)


def _delete_child(ground: Ground, name: str) -> str:
    words = [word.format(name=name) for word in ground.random.choice(DELETIONS)]
    ground.kubectl("delete", *words, "--ignore-not-found", "--wait=false")
    how = words[-1].removeprefix("--cascade=") + " " if words[-1].startswith("--") else ""
    return f"{name}: {how}{words[0]}"


def _edit_child(ground: Ground, name: str) -> str:
    what, kind, change = ground.random.choice(EDITS)
    ground.patch(kind, name, change)
    return f"{name}: {what} of {kind}"


def _changed(ground: Ground, name: str) -> Raw:
    resource = ground.wanted.resource(name)
    # Both change, so that there is always something to do.
    context = ground.random.choice([size for size in CONTEXTS if size != resource["spec"]["maxModelLen"]])
    replicas = ground.random.choice([number for number in (0, 1, 2, 3) if number != resource["spec"]["replicas"]])
    return {**resource, "spec": {**resource["spec"], "maxModelLen": context, "replicas": replicas}}


def _new(ground: Ground) -> Raw:
    ground.made += 1
    return simulated(f"new-{ground.made:03d}", ground.random.randint(1, 3), ground.random.choice(CONTEXTS))
