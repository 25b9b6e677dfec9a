"""SGLang: https://docs.sglang.io/advanced_features/server_arguments.html"""

from collections import defaultdict
from typing import Any

from modelberth.api.engine_facts import Supported, names_at
from modelberth.api.engine_tables.sglang import FACTS
from modelberth.api.spec import Spec
from modelberth.engines.arguments import Value, above_one, command_line
from modelberth.engines.capacity import Capacity, capacity_of, rows
from modelberth.engines.container import DEFAULT_CPU, environment, threads
from modelberth.engines.engine import Berth, Drain, Launch
from modelberth.engines.load import Load, highest, load_of, summed, summed_over_ranks
from modelberth.engines.probes import http_get, http_probes

_SAID_BY_CHECKPOINT = (
    Supported("auto"),
    # `unquant` (0.5.12) would ignore the checkpoint's quantization_config; older versions have no word for it.
    Supported("none", until=(0, 5, 12)),
    # An NVFP4 checkpoint is either ModelOpt's or compressed-tensors': only its config tells.
    Supported("nvfp4"),
    Supported("compressed-tensors"),
    # Named, they force the plain kernels; unnamed, Marlin is taken where the GPU has it.
    Supported("awq"),
    Supported("gptq"),
)
"""Values for which no --quantization is given: config.json of the checkpoint decides."""

_QUANTIZATION_WORDS = {"none": "unquant"}
_LOAD_FORMATS = {"bitsandbytes": "bitsandbytes"}
"""Quantizations that SGLang reads only with their own loader (a .gguf file it recognizes by itself)."""

KV_CACHE_DTYPE_WORDS = {"fp8": "fp8_e4m3"}

KV_TOKENS = "sglang:max_total_num_tokens"
LENGTH = "sglang:context_len"


def quantization_word(name: str, version: tuple[int, ...]) -> str | None:
    """What --quantization is given; None where the checkpoint decides."""
    return None if name in names_at(_SAID_BY_CHECKPOINT, version) else _QUANTIZATION_WORDS.get(name, name)


class SGLang:
    facts = FACTS
    port = 30000
    metrics_port = port
    metrics_path = "/metrics"
    drain = Drain(finishes_streams=True, health_fails_at_once=True)
    hooks = True
    default_cpu = DEFAULT_CPU
    default_memory = "4Gi"

    def launch(self, berth: Berth) -> Launch:
        return Launch(
            command=("python3", "-m", "sglang.launch_server"),
            args=command_line(_flags(berth)),
            env=_environment(berth),
        )

    def probes(self) -> dict[str, dict[str, Any]]:
        # A hung scheduler is ended by SGLang's own --watchdog-timeout.
        return http_probes("/health", http_get("/health"))

    def capacity_path(self, spec: Spec) -> str | None:
        return self.metrics_path

    def capacity(self, text: str, spec: Spec) -> Capacity | None:
        """One row per scheduler. Those of one data-parallel rank hold parts of the same tokens, so they do not add up
        (sglang/srt/observability/metrics_collector.py)."""
        ranks: dict[str | None, list[float]] = defaultdict(list)
        for labels, value in rows(text, KV_TOKENS):
            ranks[labels.get("dp_rank")].append(value)
        tokens = sum(min(values) for values in ranks.values())
        length = max((value for _, value in rows(text, LENGTH)), default=0.0)
        return capacity_of(tokens, tokens / length if length >= 1 else None)

    def load(self, text: str) -> Load | None:
        """One row per scheduler: those of one data-parallel rank have the same requests, and a row per priority has
        part of its rank's (sglang/srt/observability/metrics_collector.py, _log_gauge_queue_count)."""
        waiting, grammars = (
            summed_over_ranks(text, name) for name in ("sglang:num_queue_reqs", "sglang:num_grammar_queue_reqs")
        )
        return load_of(
            running=summed_over_ranks(text, "sglang:num_running_reqs"),
            waiting=None if waiting is None else waiting + (grammars or 0.0),
            kv_usage=highest(text, "sglang:token_usage"),
            finished=(summed(text, "sglang:num_requests_total"), summed(text, "sglang:num_aborted_requests_total")),
        )


def _flags(berth: Berth) -> dict[str, Value]:
    spec = berth.spec
    kv_cache_dtype = KV_CACHE_DTYPE_WORDS.get(spec.kv_cache_dtype, spec.kv_cache_dtype)
    return {
        "--model-path": berth.model_path,
        "--served-model-name": berth.served_name,
        "--host": "0.0.0.0",
        "--port": SGLang.port,
        "--enable-metrics": True,
        "--trust-remote-code": spec.model.trust_remote_code,
        "--dtype": None if spec.dtype == "auto" else spec.dtype,
        "--quantization": quantization_word(spec.quantization, berth.version),
        "--load-format": _LOAD_FORMATS.get(spec.quantization),
        "--context-length": spec.max_model_len,
        "--max-running-requests": spec.max_num_seqs,
        "--kv-cache-dtype": None if kv_cache_dtype == "auto" else kv_cache_dtype,
        "--tp-size": above_one(spec.parallelism.tensor),
        "--pp-size": above_one(spec.parallelism.pipeline),
        "--dp-size": above_one(spec.parallelism.data),
        **_device(berth),
    }


def _device(berth: Berth) -> dict[str, Value]:
    if berth.spec.device == "GPU":
        return {"--mem-fraction-static": berth.budget.memory_fraction}
    return {
        "--device": "cpu",
        # Its own share follows from the memory limit on cgroup v2 and could cut the tokens below.
        "--mem-fraction-static": 0.99,
        # Without a bound SGLang plans for the node's memory, not for the container's limit.
        "--max-total-tokens": berth.budget.cpu_kv_tokens or None,
        # Works on every CPU; `--attention-backend intel_amx` in args is faster on a Xeon with AMX.
        "--attention-backend": "torch_native",
        "--sampling-backend": "pytorch",
        "--disable-overlap-schedule": True,
    }


def _environment(berth: Berth) -> tuple[dict[str, Any], ...]:
    own = {
        # /health would otherwise queue a one-token request per probe, and fail behind a long prefill.
        "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "false",
    }
    if berth.spec.device == "CPU":
        own |= {"SGLANG_USE_CPU_ENGINE": "1", "OMP_NUM_THREADS": str(threads(berth.spec))}
    return environment(own, python=True)
