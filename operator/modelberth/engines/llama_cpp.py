"""llama.cpp's llama-server: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"""

import json
from typing import Any

from modelberth.api.engine_tables.llama_cpp import FACTS
from modelberth.api.spec import Spec
from modelberth.engines.arguments import Value, command_line
from modelberth.engines.capacity import Capacity, capacity_of
from modelberth.engines.container import API_KEY_FILE, DEFAULT_CPU, environment, threads
from modelberth.engines.engine import Berth, Drain, Launch
from modelberth.engines.load import Load, load_of, summed
from modelberth.engines.probes import http_probes, tcp_open
from modelberth.planner.budgets.llama_cpp_buffers import SLOTS

_SINCE = {
    "--offline": (5600,),
    "--kv-unified": (7400,),
    "--cache-ram": (7400,),
    "--ctx-checkpoints": (7400,),
    "--fit": (7500,),
}
_ALL_LAYERS_SINCE = (8000,)
_MORE_LAYERS_THAN_ANY_MODEL = 9999

_UNIFIED = {"--kv-unified", "-kvu"}

RELAY_PORT = 9400
"""Where the pod's relay serves the metrics that the engine hides behind its API key."""

KV_CACHE_DTYPE_WORDS = {"half": "f16", "bfloat16": "bf16", "float32": "f32"}


class LlamaCpp:
    facts = FACTS
    port = 8080
    metrics_port = RELAY_PORT
    metrics_path = "/metrics"
    drain = Drain(finishes_streams=False, health_fails_at_once=True)
    hooks = False
    default_cpu = DEFAULT_CPU
    default_memory = "1Gi"

    def launch(self, berth: Berth) -> Launch:
        key = berth.spec.api_key_secret_ref
        return Launch(
            command=("/app/llama-server",),
            args=command_line(_flags(berth)),
            env=environment({}, python=False),
            secret_files={} if key is None else {API_KEY_FILE: (key.name, key.key)},
        )

    def probes(self) -> dict[str, dict[str, Any]]:
        # Builds of 2025 have a fixed pool of HTTP threads: when clients hold them all, /health waits like everybody
        # else, so only a port that takes no connections at all means death.
        return http_probes("/health", tcp_open())

    def capacity_path(self, spec: Spec) -> str | None:
        # No metric tells it, and the API key guards everything but /health.
        return "/props" if spec.api_key_secret_ref is None else None

    def capacity(self, text: str, spec: Spec) -> Capacity | None:
        """n_ctx is the length of a slot: its own share of the cache, or all of it where the slots share one pool."""
        try:
            props = json.loads(text)
            length, slots = int(props["default_generation_settings"]["n_ctx"]), int(props["total_slots"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        shared = spec.max_model_len is None or any(word.replace("_", "-") in _UNIFIED for word in spec.engine.args)
        requests = 1 if shared else slots
        return capacity_of(length * requests, requests)

    def load(self, text: str) -> Load | None:
        """No request is counted, but n_decode_total moves with each, also where its client goes away."""
        return load_of(
            running=summed(text, "llamacpp:requests_processing"),
            waiting=summed(text, "llamacpp:requests_deferred"),
            kv_usage=None,
            finished=(summed(text, "llamacpp:n_decode_total"),),
        )


def _flags(berth: Berth) -> dict[str, Value]:
    spec = berth.spec
    flags: dict[str, Value] = {
        "--model": berth.model_path,
        "--alias": berth.served_name,
        "--host": "0.0.0.0",
        "--port": LlamaCpp.port,
        "--metrics": True,
        "--offline": True,
        "--api-key-file": None if spec.api_key_secret_ref is None else API_KEY_FILE,
        "--threads": threads(spec),
        # Left on, a context that leaves less than a GiB free is shortened silently; the plan has judged it.
        "--fit": "off",
        **_context(spec),
        **_kv_cache(spec),
        **_layers(berth),
    }
    return {flag: value for flag, value in flags.items() if berth.version >= _SINCE.get(flag, ())}


def _context(spec: Spec) -> dict[str, Value]:
    """llama-server divides its context among the slots; one shared pool lets each use the model's whole context."""
    slots = spec.max_num_seqs or SLOTS
    if spec.max_model_len is None:
        return {"--parallel": slots, "--kv-unified": True}
    return {"--parallel": slots, "--ctx-size": spec.max_model_len * slots}


def _kv_cache(spec: Spec) -> dict[str, Value]:
    if spec.kv_cache_dtype == "auto":
        return {}
    word = KV_CACHE_DTYPE_WORDS.get(spec.kv_cache_dtype, spec.kv_cache_dtype)
    return {"--cache-type-k": word, "--cache-type-v": word}


def _layers(berth: Berth) -> dict[str, Value]:
    """Where the layers go. More than one GPU: tensor shares every layer by rows, pipeline deals out whole layers.

    Not --split-mode tensor, which would share the KV cache too: its --help calls it experimental.
    """
    if berth.spec.device == "CPU":
        # Prompts that were answered would be kept in host memory, up to 8 GiB: more than most limits.
        return {"--n-gpu-layers": 0, "--cache-ram": 0, "--ctx-checkpoints": 0}
    tensor, pipeline = berth.spec.parallelism.tensor, berth.spec.parallelism.pipeline
    gpus = tensor * pipeline
    split: dict[str, Value] = {}
    if gpus > 1:
        # Said evenly, because the default goes by free memory, which differs from run to run.
        split = {"--split-mode": "layer" if pipeline > 1 else "row", "--tensor-split": ",".join(["1"] * gpus)}
    return {"--n-gpu-layers": "all" if berth.version >= _ALL_LAYERS_SINCE else _MORE_LAYERS_THAN_ANY_MODEL, **split}
