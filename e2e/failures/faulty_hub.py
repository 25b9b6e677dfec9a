"""A hub that misbehaves in another way on each of its ports.

Engine pods are led to it as to a proxy (HTTP_PROXY of the fetcher); the operator asks the usual one, and both agree on
the commit.
"""

import json

from e2e.failures.exhibit import BREAKS_OFF, FAULTY_HUB, NOBODY, OTHER_BYTES, TOO_LARGE
from e2e.install.client import make_namespace
from e2e.install.stage import Stage

REPOSITORY = "SmolLM2-135M-Instruct-GGUF"
_HUB = "python3 -m e2e.hub {root} --host 0.0.0.0 --port {port}"

# Sizes as of a model for a larger disk than any node has.
_LARGE = """
import sys
from e2e.hub import __main__, documents
def larger(said):
    def answer(*args, **options):
        entry = said(*args, **options)
        for sizes in [entry, entry["lfs"]] if "lfs" in entry else []:
            sizes["size"] = 10**15
        return entry
    return answer
documents._sibling, documents._tree_file = larger(documents._sibling), larger(documents._tree_file)
sys.argv = ["hub", "/models", "--host", "0.0.0.0", "--port", "{port}"]
__main__.main()
"""

# The hub keeps hashes until a file's size or time changes, so it states those of what was there at first.
_OTHER = f"""
import os, pathlib, subprocess, sys, time, urllib.request
file = next(pathlib.Path("/other/modelberth/{REPOSITORY}").glob("*.gguf"))
hub = subprocess.Popen("exec {_HUB.format(root="/other", port="{port}")}".split()[1:])
while True:
    try:
        urllib.request.urlopen("http://127.0.0.1:{{port}}/healthz").read()
        break
    except OSError:
        time.sleep(0.2)
before = file.stat()
with file.open("r+b") as content:
    content.seek(before.st_size // 2)
    content.write(b"other bytes")
os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
sys.exit(hub.wait())
"""


def install_faulty_hub(stage: Stage) -> None:
    """Returns when all its ports answer."""
    make_namespace(stage, FAULTY_HUB)
    image = stage.image("hub")
    copy = f"mkdir -p /other/modelberth && cp -r /models/modelberth/{REPOSITORY} /other/modelberth/"
    containers = [
        _container("breaks-off", image, BREAKS_OFF, _HUB.format(root="/models", port=BREAKS_OFF).split())
        | {"args": ["--cut-after", "0", "--cuts", "1000000"]},
        _container("too-large", image, TOO_LARGE, ["python3", "-c", _LARGE.replace("{port}", str(TOO_LARGE))]),
        _container("other-bytes", image, OTHER_BYTES, ["python3", "-c", _OTHER.replace("{port}", str(OTHER_BYTES))]),
    ]
    pod = {
        "initContainers": [_container("copy", image, 0, ["sh", "-c", copy])],
        "containers": containers,
        "volumes": [{"name": "other", "emptyDir": {}}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
    }
    ports = [{"name": f"p{port}", "port": port} for port in (BREAKS_OFF, TOO_LARGE, OTHER_BYTES, NOBODY)]
    labels = {"app.kubernetes.io/name": "hub"}
    for kind, spec in (("Pod", pod), ("Service", {"selector": labels, "ports": ports})):
        meta = {"name": "hub", "namespace": FAULTY_HUB, "labels": labels}
        document = {"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec}
        stage.kubectl("apply", "-f", "-", stdin=json.dumps(document))
    stage.kubectl("-n", FAULTY_HUB, "wait", "pod/hub", "--for=condition=Ready", "--timeout=120s")


def remove_faulty_hub(stage: Stage) -> None:
    stage.kubectl("delete", "namespace", FAULTY_HUB, "--wait=false")


def _container(name: str, image: str, port: int, command: list[str]) -> dict[str, object]:
    return {
        "name": name,
        "image": image,
        "command": command,
        "volumeMounts": [{"name": "other", "mountPath": "/other"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "10m"}},
        **({"readinessProbe": {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1}} if port else {}),
    }
