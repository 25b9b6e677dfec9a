"""vLLM: https://docs.vllm.ai/en/stable/cli/serve/"""

import math
from typing import Any

from modelberth.api.engine_facts import Supported, names_at
from modelberth.api.engine_tables.vllm import FACTS
from modelberth.api.spec import Spec
from modelberth.engines.arguments import Value, above_one, command_line
from modelberth.engines.capacity import Capacity, capacity_of, number, rows, total
from modelberth.engines.container import DEFAULT_CPU, drain_limit, environment, secret_variable, threads
from modelberth.engines.engine import Berth, Drain, Launch
from modelberth.engines.load import Load, highest, load_of, summed
from modelberth.engines.probes import http_get, http_probes
from modelberth.planner.plan import GIB

_SINCE = {
    "--shutdown-timeout": (0, 18),
    # The flag is older (0.10.2); the CPU backend reads it since 0.20 and VLLM_CPU_KVCACHE_SPACE before.
    "--kv-cache-memory-bytes": (0, 20),
}

_SAID_BY_CHECKPOINT = (
    Supported("auto"),
    Supported("none"),
    # An NVFP4 checkpoint is either ModelOpt's or compressed-tensors': only its config tells.
    Supported("nvfp4", since=(0, 9)),
    # Named, they force the plain kernels in these versions; unnamed, Marlin is taken where the GPU has it.
    Supported("awq", until=(0, 24)),
    Supported("gptq", until=(0, 22)),
)
"""Values for which no --quantization is given: config.json of the checkpoint decides."""

_LOAD_FORMATS = {"bitsandbytes": "bitsandbytes"}
"""Quantizations with a loader of their own, which vLLM 0.7 had to be told; later versions take the word too."""

KV_CACHE_DTYPE_WORDS = {"half": "float16"}

MIDDLEWARE = "modelberth_drain.Drain"
"""Among the hooks. One that is named in spec.engine.args is added beside it."""

CACHE_CONFIG = "vllm:cache_config_info"
KV_USAGE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
"""The name, and the one before 0.10.2."""


def quantization_word(name: str, version: tuple[int, ...]) -> str | None:
    """What --quantization is given; None where the checkpoint decides."""
    return None if name in names_at(_SAID_BY_CHECKPOINT, version) else name


class VLLM:
    facts = FACTS
    port = 8000
    metrics_port = port
    metrics_path = "/metrics"
    drain = Drain(finishes_streams=True, health_fails_at_once=False)
    hooks = True
    default_cpu = DEFAULT_CPU
    default_memory = "4Gi"

    def launch(self, berth: Berth) -> Launch:
        # The image's entrypoint since 0.8; named here because 0.7.3 had another one.
        return Launch(
            command=("vllm", "serve"),
            args=(berth.model_path, *command_line(_flags(berth))),
            env=_environment(berth),
        )

    def probes(self) -> dict[str, dict[str, Any]]:
        # /health turns 503 when the engine process is dead; vLLM then ends by itself.
        return http_probes("/health", http_get("/health"))

    def capacity_path(self, spec: Spec) -> str | None:
        return self.metrics_path  # the API key guards /v1 only

    def capacity(self, text: str, spec: Spec) -> Capacity | None:
        """One row per data-parallel rank. Each holds its own rank's tokens, but the blocks of all ranks together
        (vllm/v1/engine/core_client.py, _apply_ready_response)."""
        ranks = {labels.get("engine"): labels for labels, _ in rows(text, CACHE_CONFIG)}
        tokens = total([number(labels.get("kv_cache_size_tokens")) for labels in ranks.values()])
        if tokens is not None:
            each = [number(labels.get("kv_cache_max_concurrency")) for labels in ranks.values()]
            return capacity_of(tokens, total(each))
        for labels in ranks.values():
            return _blocks(labels)
        return None

    def load(self, text: str) -> Load | None:
        """One row per data-parallel rank (label engine), each with its own requests.

        request_success counts what the engine ended itself. A request whose client went away is dropped uncounted
        (vllm/v1/engine/output_processor.py, abort_requests), but the tokens of its prompt were counted.
        """
        return load_of(
            running=summed(text, "vllm:num_requests_running"),
            waiting=summed(text, "vllm:num_requests_waiting"),
            kv_usage=highest(text, *KV_USAGE),
            finished=(summed(text, "vllm:request_success_total"), summed(text, "vllm:prompt_tokens_total")),
        )


def _blocks(labels: dict[str, str]) -> Capacity | None:
    """Before the row named tokens (https://github.com/vllm-project/vllm/pull/42206): blocks. Where layers are of
    several kinds a token takes a block of each, so the product is too large; state-space models can be told here."""
    if number(labels.get("mamba_block_size")) is not None:
        return None
    blocks, size = number(labels.get("num_gpu_blocks")), number(labels.get("block_size"))
    return capacity_of(blocks * size, None) if blocks and size else None


def _flags(berth: Berth) -> dict[str, Value]:
    spec = berth.spec
    flags: dict[str, Value] = {
        "--served-model-name": berth.served_name,
        "--host": "0.0.0.0",
        "--port": VLLM.port,
        "--trust-remote-code": spec.model.trust_remote_code,
        "--dtype": None if spec.dtype == "auto" else spec.dtype,
        "--quantization": quantization_word(spec.quantization, berth.version),
        "--load-format": _LOAD_FORMATS.get(spec.quantization),
        "--max-model-len": spec.max_model_len,
        "--max-num-seqs": spec.max_num_seqs,
        "--kv-cache-dtype": _kv_cache_dtype(spec.kv_cache_dtype),
        "--tensor-parallel-size": above_one(spec.parallelism.tensor),
        "--pipeline-parallel-size": above_one(spec.parallelism.pipeline),
        "--data-parallel-size": above_one(spec.parallelism.data),
        **_memory(berth),
        # What is left when the drain reached its limit goes on while the kubelet lets it.
        "--shutdown-timeout": drain_limit(spec),
        "--middleware": MIDDLEWARE,
    }
    return {flag: value for flag, value in flags.items() if berth.version >= _SINCE.get(flag, ())}


def _memory(berth: Berth) -> dict[str, Value]:
    if berth.spec.device == "GPU":
        return {"--gpu-memory-utilization": berth.spec.gpu_memory_utilization}
    return {
        # On the CPU the utilization would be a share of the node's memory, not of the container's limit.
        "--kv-cache-memory-bytes": berth.budget.cpu_kv_bytes or None,
        # torch.compile needs a C++ compiler, gigabytes and minutes; `--no-enforce-eager` in args turns it on.
        "--enforce-eager": True,
    }


def _kv_cache_dtype(name: str) -> str | None:
    return None if name == "auto" else KV_CACHE_DTYPE_WORDS.get(name, name)


def _environment(berth: Berth) -> tuple[dict[str, Any], ...]:
    own = {"VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1"}
    if berth.spec.device == "CPU":
        # Binding threads to cores needs CAP_SYS_NICE and knows nothing of the container's share of them.
        own |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(threads(berth.spec))}
        if berth.version < _SINCE["--kv-cache-memory-bytes"] and berth.budget.cpu_kv_bytes:
            own["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, math.floor(berth.budget.cpu_kv_bytes / GIB)))
    variables = environment(own, python=True)
    key = berth.spec.api_key_secret_ref
    return variables if key is None else (*variables, secret_variable("VLLM_API_KEY", key))
