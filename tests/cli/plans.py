"""`modelberth plan` on resources of a test, and the model's files beside them."""

import json
from pathlib import Path
from typing import Any

from tests.cli.command import Done, documents, modelberth
from tests.manifests.specs import resource

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}
"""config.json of Llama 3.1 8B."""

ENTRY = {
    *("name", "namespace", "fits", "estimated", "gpusPerReplica", "perGpu"),
    *("kvCacheTokens", "maxConcurrency", "findings", "advice"),
}
PER_GPU = {"totalGiB", "budgetGiB", "weightsGiB", "activationGiB", "overheadGiB", "kvCacheGiB"}
FINDING = {"field", "reason", "message"}
ADVICE = {"change", "fits", "kvCacheTokens", "maxConcurrency"}


def on(gpu: str = "NVIDIA-L4", name: str = "a", **spec: Any) -> dict[str, Any]:
    """A resource on this GPU."""
    made = resource(gpu={"type": gpu}, **spec)
    return {**made, "metadata": {"name": name}}


FITS = on(name="fits", maxModelLen=4096)
TOO_LONG = on(name="too-long", maxModelLen=131072)
INVALID = on(name="invalid", maxModelLen=-1)
UNKNOWN = on("Unheard-of", name="unknown")


def llama(folder: Path) -> str:
    """The folder with config.json in it."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(LLAMA))
    return str(folder)


def plan(folder: Path, *resources: dict[str, Any], args: tuple[str, ...] = ()) -> Done:
    """The command on these resources, all of which are the model above."""
    return modelberth("plan", "-f", "-", "--model-config", llama(folder), *args, stdin=documents(*resources))


def entries(done: Done) -> list[dict[str, Any]]:
    """What -o json printed."""
    found = json.loads(done.out)
    assert isinstance(found, list)
    return found
