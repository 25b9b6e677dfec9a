"""Another version of the operator: one whose code makes other pods of the same spec."""

import json

from e2e.install.operator import RELEASE, install_operator
from e2e.install.stage import ROOT, SYSTEM, Stage

CODE = "operator/modelberth/engines/container.py"
VARIABLE = "MODELBERTH_NEXT"
_MARK = '    "DO_NOT_TRACK": "1",\n'


def run_next_version(stage: Stage) -> None:
    """The same image with one module replaced: every engine gets a variable more."""
    source = (ROOT / CODE).read_text()
    changed = source.replace(_MARK, f'{_MARK}    "{VARIABLE}": "1",\n')
    assert changed != source, "the next version differs"
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "next-version", "namespace": SYSTEM},
        "data": {"container.py": changed},
    }
    stage.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(config))
    where = stage.kubectl(
        *("-n", SYSTEM, "exec", f"deployment/{RELEASE}", "--"),
        *("python3", "-c", "import modelberth.engines.container as module; print(module.__file__)"),
    ).strip()
    mount = {"name": "next-version", "mountPath": where, "subPath": "container.py"}
    spec = {
        "containers": [{"name": "operator", "volumeMounts": [mount]}],
        "volumes": [{"name": "next-version", "configMap": {"name": "next-version"}}],
    }
    _patch(stage, {"spec": {"template": {"spec": spec}}})


def allow(stage: Stage, upgrades: int) -> None:
    """Sets upgrade.maxParallel of the release."""
    chart = str(ROOT / "charts" / "modelberth")
    stage.helm(
        *("upgrade", RELEASE, chart, "--namespace", SYSTEM, "--wait", "--timeout", "180s", "--reuse-values"),
        *("--set", f"upgrade.maxParallel={upgrades}"),
        timeout=240,
    )


def run_this_version(stage: Stage) -> None:
    """As it was before."""
    gone = {"$patch": "delete", "name": "next-version"}
    mounts = [{"$patch": "delete", "mountPath": mount} for mount in _mounted(stage)]
    spec = {"containers": [{"name": "operator", "volumeMounts": mounts}], "volumes": [gone]}
    _patch(stage, {"spec": {"template": {"spec": spec}}})
    install_operator(stage)


def _mounted(stage: Stage) -> list[str]:
    found = stage.kubectl.json("-n", SYSTEM, "get", "deployment", RELEASE)
    mounts = found["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    return [mount["mountPath"] for mount in mounts if mount["name"] == "next-version"]


def _patch(stage: Stage, patch: object) -> None:
    stage.kubectl("-n", SYSTEM, "patch", "deployment", RELEASE, "--type=strategic", "-p", json.dumps(patch))
    stage.kubectl("-n", SYSTEM, "rollout", "status", f"deployment/{RELEASE}", "--timeout=180s", timeout=200)
