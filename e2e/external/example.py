"""The examples that the documentation shows, changed only in what would make a test slow or this machine small."""

import json
from typing import Any

import yaml

from e2e.conftest import Space
from e2e.external.program import Manifest
from e2e.install.stage import ROOT

SMALL = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


def example(space: Space, name: str, **spec: Any) -> tuple[Manifest, Manifest]:
    """(ModelDeployment, scaler) of examples/autoscaling/NAME.yaml for this namespace and one slow pod after the other;
    keyword arguments replace fields of the model's spec."""
    text = (ROOT / "examples" / "autoscaling" / f"{name}.yaml").read_text(encoding="utf-8")
    model, scaler = yaml.safe_load_all(text.replace(".default.svc", f".{space.name}.svc"))
    model["spec"] |= {"maxModelLen": 512, "maxNumSeqs": 1, "resources": SMALL, **spec}
    model["spec"]["engine"]["args"] = ["--threads", "1"]
    return model, scaler


def apply(space: Space, resource: Manifest) -> None:
    space.kubectl("apply", "-f", "-", stdin=json.dumps(resource))
