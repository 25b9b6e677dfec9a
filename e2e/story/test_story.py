"""The story of one resource as a person gets it: through kubectl, with their own rights."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.conftest import Space
from e2e.install.stage import ROOT
from e2e.resources import apply, small

pytestmark = pytest.mark.timeout(300)

FLAG = "--no-such-flag-at-all"


@dataclass(frozen=True)
class Told:
    """How the command ended."""

    code: int
    out: str
    err: str


def kubectl_modelberth(space: Space, *args: str, kubeconfig: Path | None = None) -> Told:
    """`kubectl modelberth ARGS -n NAMESPACE`; kubectl finds the plugin in the PATH."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {**os.environ, **space.platform.kubectl.env, "PATH": path}
    if kubeconfig is not None:
        env["KUBECONFIG"] = str(kubeconfig)
    command = [space.platform.kubectl.path, "modelberth", *args, "-n", space.name]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return Told(done.returncode, done.stdout, done.stderr)


def documented_role() -> dict[str, Any]:
    """The Role of docs/diagnose.md."""
    text = (ROOT / "docs" / "diagnose.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found
    role: dict[str, Any] = yaml.safe_load(found[1])
    return role


def person(space: Space, file: Path, name: str, role: dict[str, Any]) -> Path:
    """A kubeconfig of somebody with this Role and nothing else."""
    role = {**role, "metadata": {"name": name}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": space.name}],
    }
    space.kubectl("create", "serviceaccount", name)
    for manifest in (role, binding):
        space.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    config = space.json("config", "view", "--raw", "--minify")
    [user] = config["users"]
    user["user"] = {"token": space.kubectl("create", "token", name).strip()}
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def test_the_story_of_a_crash_and_of_what_serves(space: Space, tmp_path: Path) -> None:
    space.platform.image("llama-cpp")
    apply(space, small("fine"))
    apply(space, small("crash", engine={"type": "LlamaCpp", "args": [FLAG]}))
    space.wait_reason("crash", "EngineArgsRejected", 90)
    space.wait_ready("fine", 120)

    assert kubectl_modelberth(space, "status", "fine").code == 0
    listed = kubectl_modelberth(space, "status")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["NAME", "crash", "fine"]

    everything = person(space, tmp_path / "everything", "may-look", documented_role())
    told = kubectl_modelberth(space, "diagnose", "crash", kubeconfig=everything)
    assert told.code == 1, told.err
    assert "Not looked up" not in told.out, "the documented rights are enough"
    logged = told.out.split("Last words of crash-")[1].split("What is wrong")[0]
    assert f"error: invalid argument: {FLAG}" in logged
    assert "1 endpoint ready" in kubectl_modelberth(space, "diagnose", "fine", kubeconfig=everything).out

    [first, *_] = documented_role()["rules"]
    little = person(space, tmp_path / "little", "may-look-a-little", {**documented_role(), "rules": [first]})
    told = kubectl_modelberth(space, "diagnose", "crash", kubeconfig=little)
    assert told.code == 1, told.err
    assert "pods is forbidden" in told.out
    assert "secrets" not in told.out
    assert told.out.index("Not looked up") < told.out.index("What to do")

    record = json.loads(kubectl_modelberth(space, "diagnose", "crash", "-o", "json").out)
    assert (record["ready"], record["reason"], record["stalled"]) == ("False", "EngineArgsRejected", True)
    assert kubectl_modelberth(space, "status", "nobody").code == 4
