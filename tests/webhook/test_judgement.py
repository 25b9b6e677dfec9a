"""Which writes are judged, by which rules, and what a plan makes of them."""

from typing import Any

import pytest

from modelberth.api.finding import Finding
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.manifests.settings import Settings
from modelberth.planner.files import ModelFiles
from modelberth.planner.policy import PLAN_POLICY
from modelberth.webhook.judgement import judge_plan, judge_spec, matters, plan_request, unplannable
from modelberth.webhook.review import Raw, Review, Verdict
from tests.webhook.requests import TOO_LARGE, plan_of, stored


def changed(**metadata: Any) -> Raw:
    made = stored()
    made["metadata"] |= metadata
    return made


@pytest.mark.parametrize(
    ("resource", "old", "expected"),
    [
        (stored(), None, True),
        (stored(maxModelLen=4096), stored(), True),
        (stored(engine={"type": "SGLang"}), stored(), True),
        (stored(), stored(), False),
        (stored(replicas=7), stored(), False),
        (changed(labels={"team": "a"}), stored(), False),
        (changed(annotations={PLAN_POLICY: "Enforce"}), stored(), False),
        ({**stored(), "status": {"replicas": 1}}, stored(), False),
        (changed(deletionTimestamp="2026-01-01T00:00:00Z"), stored(maxModelLen=4096), False),
    ],
)
def test_only_what_changes_what_is_served(resource: Raw, old: Raw | None, expected: bool) -> None:
    assert matters(Review("1", resource, old)) is expected


def judged(resource: Raw, settings: Settings | None = None) -> ModelDeployment | Verdict:
    return judge_spec(Review("1", resource), settings or Settings())


def test_a_valid_resource_as_it_is_stored() -> None:
    resource = {**stored(), "status": {"of": "another version"}}
    md = judged(resource)
    assert isinstance(md, ModelDeployment)
    assert (md.namespace, md.name) == ("team-a", "llama")


def test_rules_that_only_python_knows_refuse() -> None:
    quantities = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
    verdict = judged(stored(resources=quantities, engine={"args": ["--served-model-nam", "x"]}))
    assert isinstance(verdict, Verdict)
    assert [finding.field for finding in verdict.findings] == ["spec.engine.args[0]", "spec.resources.requests.memory"]


def test_rules_go_by_the_image_of_this_installation() -> None:
    resource = stored(quantization="bitsandbytes")
    assert isinstance(judged(resource, images("v0.10.0")), ModelDeployment)
    assert isinstance(judged(resource, images("v0.32.0")), Verdict)


def images(tag: str) -> Settings:
    return Settings(engine_images={"vLLM": {"GPU": f"example.com/vllm:{tag}"}})


def test_the_planner_is_asked_as_the_operator_asks() -> None:
    md = judged(stored(maxModelLen=4096))
    assert isinstance(md, ModelDeployment)
    files = ModelFiles(config={"model_type": "llama"}, missing=("the index is too large",))
    request = plan_request(md, files, images("v0.7.3"))
    assert (request.spec, request.engine_version, request.files) == (md.spec, (0, 7, 3), files)
    assert request.missing == files.missing


def deployment(policy: str | None = None, **spec: Any) -> ModelDeployment:
    limits = {"limits": {"memory": "8Gi"}}  # required on device CPU
    made = stored(resources=limits, **spec)
    if policy is not None:
        made["metadata"]["annotations"] = {PLAN_POLICY: policy}
    md = judged(made)
    assert isinstance(md, ModelDeployment)
    return md


SECOND = Finding("spec.dtype", "bfloat16 is slow here")


@pytest.mark.parametrize("policy", [None, "Enforce", "Never"])
def test_what_does_not_fit_is_refused_with_the_first_advice(policy: str | None) -> None:
    plan = plan_of(False, TOO_LARGE, SECOND, advice=("maxModelLen: 32768", "kvCacheDtype: fp8"))
    assert judge_plan(deployment(policy), plan) == Verdict((TOO_LARGE, SECOND), advice="maxModelLen: 32768")
    assert judge_plan(deployment(policy), plan_of(False, TOO_LARGE)) == Verdict((TOO_LARGE,))


@pytest.mark.parametrize("word", ["Warn", "warn"])
def test_an_expert_overrules_the_plan(word: str) -> None:
    verdict = judge_plan(deployment(word), plan_of(False, TOO_LARGE, advice=("maxModelLen: 32768",)))
    assert verdict.allowed
    assert verdict.warnings == (str(TOO_LARGE), "fits with: maxModelLen: 32768")


def test_what_fits_or_is_not_known_is_allowed() -> None:
    assert judge_plan(deployment(), plan_of(True)) == Verdict()
    assert judge_plan(deployment(), plan_of(True, SECOND)) == Verdict(warnings=(str(SECOND),))
    assert judge_plan(deployment(), plan_of(None, SECOND)) == Verdict(warnings=(str(SECOND),), judged=False)


@pytest.mark.parametrize(
    ("spec", "warned"),
    [
        ({"gpu": {}}, False),
        ({"gpu": {"type": "NVIDIA-Abacus"}}, True),
        ({"gpu": {"type": "NVIDIA-L4"}}, None),
        ({"gpu": {"type": "NVIDIA-Abacus", "memoryGiB": 24}}, None),
        ({"device": "CPU"}, None),
    ],
)
def test_without_a_known_gpu_there_is_no_plan(spec: dict[str, Any], warned: bool | None) -> None:
    """``warned`` None: it is planned."""
    verdict = unplannable(deployment(**spec))
    if warned is None:
        assert verdict is None
    else:
        assert verdict is not None
        assert verdict.result == "unjudged"
        assert [warning.partition(":")[0] for warning in verdict.warnings] == (["spec.gpu.type"] if warned else [])
