"""What an engine takes of its memory limit on device CPU: the figures behind planner/budgets/cpu.py.

    python bench/cpu_memory.py examples/smollm2-awq.yaml --weights FOLDER

starts the pod that the operator would make of the resource, with the weights in FOLDER of the node (for llama.cpp:
one file, model.gguf), sends it the longest prompts that it takes, and prints as JSON
- what its cgroup held that the kernel cannot drop (anonymous and shared memory, kernel objects): when it was ready, at
  the peak, and of which processes; what remains after weights and KV cache are the profiles;
- the tokens of the KV cache, as planned and as the engine says.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from e2e.cluster import choose
from e2e.command import CommandError, wait_until
from e2e.install.stage import Stage, stage

NAMESPACE = "bench-cpu-memory"
POD = "engine"
IMAGES = {"vllm": "vllm", "python3": "sglang", "/app/llama-server": "llama-cpp"}
"""First word of the command -> our image."""
KV_FLAGS = {"kv_bytes": "--kv-cache-memory-bytes", "kv_tokens": "--max-total-tokens"}
TOKENS = re.compile(r'kv_cache_size_tokens="(\d+)"|sglang:max_total_num_tokens\{[^}]*\} ([\d.e+]+)')
ANSWER_TOKENS = 32
DEFAULT_LENGTH = 2048
"""Of requests, in tokens, where the resource has no maxModelLen."""
MIB = 2**20

# cgroup v1 names the same things otherwise, and counts kernel objects in a file of its own.
SAMPLE = r"""
v1=/sys/fs/cgroup/memory
while true; do
  if [ -f $v1/memory.stat ]; then
    sed -n 's/^total_rss /anon /p; s/^total_shmem /shmem /p; s/^total_cache /file /p' $v1/memory.stat
    echo kernel $(cat $v1/memory.kmem.usage_in_bytes)
  else
    grep -E '^(anon|shmem|file|kernel) ' /sys/fs/cgroup/memory.stat
  fi
  echo
  sleep 0.2
done
"""
PROCESSES = "grep -sE '^(Name|RssAnon|RssShmem)' /proc/[0-9]*/status; true"


@dataclass
class Samples:
    """MiB by kind, the newest last."""

    taken: list[dict[str, float]] = field(default_factory=list)

    def newest(self) -> dict[str, float]:
        return self.taken[-1]

    def peak(self) -> dict[str, float]:
        return max(self.taken, key=unreclaimable)


def unreclaimable(sample: dict[str, float]) -> float:
    return sample["anon"] + sample["shmem"] + sample["kernel"]


@dataclass(frozen=True)
class Engine:
    """A pod, and the tokens that its plan says."""

    manifest: dict[str, Any]
    planned_tokens: int | None

    @property
    def container(self) -> dict[str, Any]:
        container: dict[str, Any] = self.manifest["spec"]["containers"][0]
        return container


def pod(resource: Path, weights: Path, bench: Stage, flags: dict[str, str]) -> Engine:
    """The pod of the Deployment that `modelberth render` prints, with the weights from the node."""
    modelberth = str(Path(sys.executable).with_name("modelberth"))
    command = [modelberth, "render", "-f", str(resource), "--model-config", str(weights)]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    deployment = next(item for item in yaml.safe_load_all(rendered) if item["kind"] == "Deployment")
    frozen = json.loads(deployment["metadata"]["annotations"]["modelberth.dev/frozen"])
    spec = deployment["spec"]["template"]["spec"]
    [engine] = spec["containers"]
    engine["image"] = bench.image(IMAGES[engine["command"][0]])
    engine["args"] = replaced(engine["args"], flags)
    del engine["lifecycle"]
    spec["volumes"] = [volume for volume in spec["volumes"] if volume["name"] != "weights"]
    spec["volumes"].append({"name": "weights", "hostPath": {"path": str(weights.absolute())}})
    spec |= {"initContainers": [], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    spec.pop("topologySpreadConstraints")
    meta = {"name": POD, "namespace": NAMESPACE}
    planned = frozen["planned"]["record"].get("kvCacheTokens")
    return Engine({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}, planned)


def replaced(args: list[str], flags: dict[str, str]) -> list[str]:
    """``args`` with other values for some flags; a flag that is not there yet is added."""
    kept = list(args)
    for flag, value in flags.items():
        if flag in kept:
            kept[kept.index(flag) + 1] = value
        else:
            kept += [flag, value]
    return kept


@contextmanager
def sampled(bench: Stage) -> Iterator[Samples]:
    """Reads the container's cgroup five times a second."""
    samples = Samples()
    command = [bench.kubectl.path, "-n", NAMESPACE, "exec", POD, "-c", "engine", "--", "sh", "-c", SAMPLE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | bench.kubectl.env) as process:
        thread = threading.Thread(target=_read, args=(process, samples), daemon=True)
        thread.start()
        yield samples
        process.kill()


def _read(process: subprocess.Popen[str], samples: Samples) -> None:
    sample: dict[str, float] = {}
    for line in process.stdout or ():
        if line.strip():
            kind, value = line.split()
            sample[kind] = round(int(value) / MIB, 1)
        elif sample:
            samples.taken.append(sample)
            sample = {}


def started(bench: Stage) -> bool:
    """Whether the container runs, so that commands can be run in it. Raises CommandError where it ended."""
    status = bench.kubectl.json("-n", NAMESPACE, "get", "pod", POD)["status"]
    if status["phase"] == "Failed":
        raise CommandError(bench.kubectl("-n", NAMESPACE, "logs", POD, "--tail=30"))
    return bool(status["phase"] == "Running")


def ready(bench: Stage) -> bool:
    if not started(bench):
        return False
    conditions = bench.kubectl.json("-n", NAMESPACE, "get", "pod", POD)["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def processes(bench: Stage) -> dict[str, float]:
    """Anonymous and shared memory of each process of the engine in MiB, by name and number."""
    found: dict[str, float] = {}
    name = ""
    text = bench.kubectl("-n", NAMESPACE, "exec", POD, "-c", "engine", "--", "sh", "-c", PROCESSES)
    for line in text.splitlines():
        path, _, rest = line.partition(":")
        key, value = rest.split(":", 1)
        if key == "Name":
            name = f"{value.strip()} {path.split('/')[2]}"
        else:
            found[name] = found.get(name, 0) + int(value.split()[0]) / 1024
    return {name: round(size) for name, size in found.items() if size > 1}


def send(port: int, model: str, prompt_tokens: int, parallel: int) -> None:
    """As many requests at once as there are sequences, each as long as the context allows."""

    def ask(number: int) -> None:
        prompt = [100 + (7 * index + 13 * number) % 20000 for index in range(prompt_tokens)]
        body = {"model": model, "prompt": prompt, "max_tokens": ANSWER_TOKENS}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=900) as answer:
            answer.read()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def tokens(port: int) -> int | None:
    """Size of the KV cache as the engine's metrics tell it; llama.cpp's do not."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        found = TOKENS.search(answer.read().decode())
    return int(float(found[1] or found[2])) if found else None


@contextmanager
def forwarded(bench: Stage, port: int, local: int = 18080) -> Iterator[int]:
    """A port of this machine that leads to the engine."""
    command = [bench.kubectl.path, "-n", NAMESPACE, "port-forward", POD, f"{local}:{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | bench.kubectl.env) as process:
        assert process.stdout
        process.stdout.readline()
        yield local
        process.kill()


def measure(bench: Stage, resource: Path, weights: Path, flags: dict[str, str]) -> dict[str, Any]:
    spec = yaml.safe_load(resource.read_text())
    engine = pod(resource, weights, bench, flags)
    container = engine.container
    length = spec["spec"].get("maxModelLen", DEFAULT_LENGTH)
    bench.kubectl("apply", "-f", "-", stdin=json.dumps(engine.manifest))
    begun = time.monotonic()
    wait_until("the engine runs", lambda: started(bench), 60)
    with sampled(bench) as samples:
        wait_until("the engine is ready", lambda: ready(bench), 600)
        report: dict[str, Any] = {
            "resource": resource.name,
            "args": container["args"],
            "limit": container["resources"]["limits"]["memory"],
            "weightsMiB": round(sum(file.stat().st_size for file in weights.iterdir()) / MIB, 1),
            "readyAfterSeconds": round(time.monotonic() - begun),
            "startPeakMiB": samples.peak(),
            "readyMiB": samples.newest(),
            "processesMiB": processes(bench),
            "plannedTokens": engine.planned_tokens,
        }
        samples.taken[:-1] = []
        with forwarded(bench, container["ports"][0]["containerPort"]) as port:
            report["tokens"] = tokens(port)
            send(port, spec["metadata"]["name"], length - 2 * ANSWER_TOKENS, spec["spec"].get("maxNumSeqs", 4))
        report["loadPeakMiB"] = samples.peak()
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("resource", type=Path, help="a ModelDeployment on device CPU")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the node with the weights")
    parser.add_argument("--kv-bytes", help="vLLM: another size of the KV cache than planned")
    parser.add_argument("--kv-tokens", help="SGLang: another size of the KV cache than planned")
    options = parser.parse_args()
    flags = {flag: value for name, flag in KV_FLAGS.items() if (value := getattr(options, name))}
    bench = stage(choose())
    # Not restricted: a folder of the node is mounted.
    bench.kubectl(
        "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    )
    try:
        print(json.dumps(measure(bench, options.resource, options.weights, flags), indent=2))
    finally:
        bench.kubectl("delete", "namespace", NAMESPACE, "--wait=true")


if __name__ == "__main__":
    main()
