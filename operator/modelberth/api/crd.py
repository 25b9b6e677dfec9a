"""The CustomResourceDefinition of ModelDeployment, made from the pydantic models and the static rules."""

import json
from typing import Any

import yaml

from modelberth.api.meta import API_VERSION, GROUP, KIND, PLURAL, SHORT_NAME, SINGULAR, VERSION
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.rules import Rule
from modelberth.api.spec import Spec
from modelberth.api.status import Status
from modelberth.api.structural import Schema, structural, without_defaults
from modelberth.api.validation import RULES

_COLUMNS = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', "Whether the URL answers."),
    ("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', "Why it does or does not."),
    ("Replicas", "integer", ".status.replicas", "Engine pods asked for."),
    ("Engine", "string", ".spec.engine.type", "Engine that serves."),
    ("Model", "string", ".spec.model.uri", "Where the weights are."),
    ("URL", "string", ".status.url", "OpenAI-compatible URL inside the cluster."),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the resource was created."),
)


def crd() -> dict[str, Any]:
    """The CustomResourceDefinition as a dict."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [
                        {"name": name, "type": kind, "jsonPath": path, "description": description}
                        for name, kind, path, description in _COLUMNS
                    ],
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "schema": {"openAPIV3Schema": schema()},
                }
            ],
        },
    }


def crd_yaml() -> str:
    """The CustomResourceDefinition as YAML, the same text every time."""
    head = "# Generated from operator/modelberth/api by `make generate`; do not edit.\n"
    return head + yaml.dump(json.loads(json.dumps(crd())), Dumper=_Dumper, sort_keys=False, width=120)


def schema() -> Schema:
    """The structural schema of the kind, rules included."""
    root: Schema = {
        "description": " ".join((ModelDeployment.__doc__ or "").split()),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": API_VERSION},
            "kind": {"type": "string", "description": KIND},
            "metadata": {"type": "object"},
            "spec": structural(Spec),
            "status": without_defaults(structural(Status)),
        },
    }
    for rule in RULES:
        _place(rule, root)
    return root


def _place(rule: Rule, root: Schema) -> None:
    node = root
    for part in rule.path.split(".") if rule.path else []:
        node = node["properties"][part.removesuffix("[]")]
        if part.endswith("[]"):
            node = node["items"]
    entry = {"rule": rule.expression, "message": rule.message, "reason": "FieldValueInvalid"}
    if rule.field.startswith(".metadata."):
        # The API server takes no fieldPath into metadata and prints <nil> for the root: the message names the field.
        entry["message"] = f"{rule.field[1:]} {rule.message}"
    elif rule.field:
        entry["fieldPath"] = rule.field
    node.setdefault("x-kubernetes-validations", []).append(entry)


class _Dumper(yaml.SafeDumper):
    """Lists indented under their key, as kubectl prints them least surprisingly to people."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
