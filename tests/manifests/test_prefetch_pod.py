"""The prefetching pod: fetches what the engine's pod would, where it would, without being one."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelberth.manifests.names import PREFETCH_OF, Manifest, selector
from modelberth.manifests.prefetch_pod import prefetch_pod
from modelberth.manifests.settings import Settings
from tests.manifests.kubernetes_models import validate
from tests.manifests.pod_security import violations
from tests.manifests.specs import COMMIT, FACTS, SETTINGS, deployment_of, facts_of, pod, resource, resources

CLAIM = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "shared"}}
MADE = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"size": "50Gi"}}
FOLDER = {"type": "HostPath", "hostPath": {"path": "/var/lib/models"}}
WARM: dict[str, Any] = {"replicas": 0, "weights": {"cache": CLAIM, "prefetch": True}}
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def prefetch_of(spec: dict[str, Any], chosen: dict[str, Any] | None = None, commit: str = COMMIT) -> Manifest:
    md = deployment_of(resource({**WARM, **spec}))
    return prefetch_pod(md, facts_of(commit), Settings.model_validate(chosen or {}))


@many
@given(resources(), SETTINGS, FACTS, st.sampled_from((CLAIM, MADE, FOLDER)))
def test_every_one_is_a_pod_that_nothing_selects_and_no_gpu_waits_for(
    raw: dict[str, Any], chosen: Settings, facts: Any, cache: dict[str, Any]
) -> None:
    raw["spec"] |= {"weights": {"cache": cache, "prefetch": True}}
    raw["spec"]["model"]["uri"] = "hf://org/name"
    md = deployment_of(raw, chosen)
    manifest = prefetch_pod(md, facts, chosen)
    validate(manifest)
    spec = manifest["spec"]
    assert [said for said in violations(spec) if "hostPath" not in said] == []
    assert bool(violations(spec)) is (cache == FOLDER)
    assert not selector(md).items() <= manifest["metadata"]["labels"].items()
    assert manifest["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert [container["name"] for container in spec["containers"]] == ["fetch"]
    assert set(spec["containers"][0]["resources"]["limits"]) == {"memory"}
    mounted = {mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_who_finds_it() -> None:
    meta = prefetch_of({})["metadata"]
    assert (meta["name"], meta["namespace"]) == ("llama3-prefetch", "team-a")
    assert meta["labels"] == {
        "app.kubernetes.io/managed-by": "modelberth",
        "app.kubernetes.io/name": "modelberth-prefetch",
        "app.kubernetes.io/instance": "llama3",
        "modelberth.dev/prefetch": "llama3",
    }


def test_it_fetches_as_the_engines_pod_would_and_where_that_may_run() -> None:
    spec = {**WARM, "gpu": {"type": "NVIDIA-L4"}, "model": {"uri": "hf://org/name", "secretRef": {"name": "hf-token"}}}
    found, template = prefetch_of(spec)["spec"], pod(spec)
    assert found["containers"] == [
        container for container in template["initContainers"] if container["name"] == "fetch"
    ]
    assert found["restartPolicy"] == "OnFailure"
    for field in ("nodeSelector", "tolerations", "securityContext"):
        assert found[field] == template[field]
    volumes = {volume["name"]: volume for volume in template["volumes"]}
    assert found["volumes"] == [volumes[name] for name in ("weights", "cache", "tmp")]


def test_what_of_the_pod_template_holds_here_too() -> None:
    own = {"nodeSelector": {"pool": "team-a"}, "securityContext": {"fsGroup": 2000}, "runtimeClassName": "nvidia"}
    spec = prefetch_of({"podTemplate": {"spec": own}})["spec"]
    assert (spec["nodeSelector"], spec["securityContext"]["fsGroup"]) == ({"pool": "team-a"}, 2000)
    assert "runtimeClassName" not in spec


OTHER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"model": {"uri": "hf://org/other"}}, {}, COMMIT),
    ({"weights": {"cache": FOLDER, "prefetch": True}}, {}, COMMIT),
    ({"engine": {"type": "SGLang"}}, {}, COMMIT),
    ({}, {"hub": {"endpoint": "https://mirror.example.com"}}, COMMIT),
    ({}, {}, "f" * 40),
]


@pytest.mark.parametrize(("spec", "chosen", "commit"), OTHER)
def test_other_weights_have_another_digest(spec: dict[str, Any], chosen: dict[str, Any], commit: str) -> None:
    first = prefetch_of({})["metadata"]["annotations"][PREFETCH_OF]
    assert prefetch_of(spec, chosen, commit)["metadata"]["annotations"][PREFETCH_OF] != first


def test_what_the_weights_do_not_depend_on_changes_nothing() -> None:
    assert prefetch_of({"maxModelLen": 4096}) == prefetch_of({})
