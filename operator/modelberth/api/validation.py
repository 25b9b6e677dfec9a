"""What is valid: the schema, the CEL rules (both as the API server judges) and what only Python can judge."""

from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import ValidationError

from modelberth.api.arguments import disguised
from modelberth.api.engine_rules import engine_rules
from modelberth.api.engine_tables import FACTS
from modelberth.api.evaluation import RuleSet
from modelberth.api.finding import Finding, InvalidSpec
from modelberth.api.metadata_rules import metadata_findings
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.pod_template_rules import pod_template_findings
from modelberth.api.rules import GENERAL, Rule
from modelberth.api.schema_findings import schema_findings
from modelberth.api.spec import Device, EngineType
from modelberth.api.status import Status
from modelberth.api.version_rules import quantity_findings, version_findings

DefaultImage = Callable[[EngineType, Device], str]
"""The operator's pin for an engine and a device, where spec.engine.image is not set."""

RULES: tuple[Rule, ...] = GENERAL + engine_rules(FACTS)
"""Every static rule, as the CRD holds them."""

_FREE = (("spec", "podTemplate", "metadata"), ("spec", "podTemplate", "spec"))


def parse(resource: dict[str, Any], default_image: DefaultImage | None = None) -> ModelDeployment:
    """The resource with its defaults. Raises InvalidSpec with every finding."""
    found, deployment = _judge(resource, default_image, api_server_only=False)
    if deployment is None or found:
        raise InvalidSpec(found)
    return deployment


def findings(resource: dict[str, Any], default_image: DefaultImage | None = None) -> list[Finding]:
    """Everything that is wrong with the resource, without looking at the model or the cluster.

    Without ``default_image`` an engine without an image of its own is judged at the newest known version.
    """
    return _judge(resource, default_image, api_server_only=False)[0]


def api_server_findings(resource: dict[str, Any]) -> list[Finding]:
    """The part of ``findings`` that the API server sees too: the schema and the CEL rules."""
    return _judge(resource, None, api_server_only=True)[0]


@cache
def _rule_set() -> RuleSet:
    return RuleSet(RULES)


def _judge(
    resource: dict[str, Any], default_image: DefaultImage | None, *, api_server_only: bool
) -> tuple[list[Finding], ModelDeployment | None]:
    found = metadata_findings(resource)
    # Status is ours and may be of an older version: it never makes a spec invalid.
    wanted = {name: value for name, value in resource.items() if name != "status"}
    try:
        deployment = ModelDeployment.model_validate(without_nulls(wanted))
    except ValidationError as error:
        return found + schema_findings(error, ModelDeployment), None
    if found:
        return found, None
    found = _duplicates(deployment) + _rule_set().findings(_defaulted(deployment))
    if not api_server_only and not found:
        found = _python_only(deployment, default_image)
    elif not api_server_only:
        found += _disguised(deployment)
    return found, deployment.model_copy(update={"status": _status(resource)})


def without_nulls(value: Any, path: tuple[str, ...] = ()) -> Any:
    """The API server drops null fields before it applies defaults; free maps and list items it leaves alone."""
    if path in _FREE:
        return value
    if isinstance(value, dict):
        return {name: without_nulls(inner, (*path, str(name))) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(item, path) if item is not None else None for item in value]
    return value


def _defaulted(deployment: ModelDeployment) -> dict[str, Any]:
    """What CEL sees. podTemplate is a free map that no rule reads."""
    spec = deployment.spec.model_dump(by_alias=True, exclude_none=True, exclude={"pod_template"})
    return {"metadata": {"name": deployment.name}, "spec": spec}


def _duplicates(deployment: ModelDeployment) -> list[Finding]:
    """Lists that the schema keys by name (x-kubernetes-list-map-keys) hold each name once."""
    names = [variable.name for variable in deployment.spec.engine.env]
    return [
        Finding(f"spec.engine.env[{index}].name", f"{name} is given twice; keep one")
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def _python_only(deployment: ModelDeployment, default_image: DefaultImage | None) -> list[Finding]:
    spec = deployment.spec
    facts = FACTS[spec.engine.type]
    image = spec.engine.image or (default_image(spec.engine.type, spec.device) if default_image else "")
    return [
        *_disguised(deployment),
        *version_findings(spec, facts, image),
        *quantity_findings(spec),
        *pod_template_findings(spec, facts),
    ]


def _disguised(deployment: ModelDeployment) -> list[Finding]:
    return disguised(FACTS[deployment.spec.engine.type], deployment.spec.engine.args)


def _status(resource: dict[str, Any]) -> Status | None:
    try:
        return Status.model_validate(without_nulls(resource["status"])) if resource.get("status") else None
    except ValidationError:
        return None
