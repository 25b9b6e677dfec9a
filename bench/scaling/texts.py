"""Metrics texts with the names, labels and size of real ones: many histograms, and somewhere the rows of the load."""

from modelberth.api.spec import EngineType

_MODEL = "meta-llama/Llama-3.1-8B-Instruct"


def _gauge(name: str, labels: str, value: float) -> str:
    return f"# HELP {name} What is told.\n# TYPE {name} gauge\n{name}{{{labels}}} {value}\n"


def _counter(name: str, rows: dict[str, float]) -> str:
    told = "".join(f"{name}_total{{{labels}}} {value}\n" for labels, value in rows.items())
    made = "".join(f"{name}_created{{{labels}}} 1.763931e+09\n" for labels in rows)
    return (
        f"# HELP {name}_total What is counted.\n# TYPE {name}_total counter\n{told}"
        f"# HELP {name}_created What is counted.\n# TYPE {name}_created gauge\n{made}"
    )


def _histogram(name: str, labels: str, buckets: int) -> str:
    rows = "".join(f'{name}_bucket{{{labels},le="{2.0**step / 1000}"}} {step * 17.0}\n' for step in range(buckets))
    return (
        f"# HELP {name} Histogram of what is measured.\n# TYPE {name} histogram\n{rows}"
        f'{name}_bucket{{{labels},le="+Inf"}} 999.0\n{name}_count{{{labels}}} 999.0\n{name}_sum{{{labels}}} 1234.5\n'
    )


def _vllm() -> str:
    labels = f'engine="0",model_name="{_MODEL}"'
    reasons = {f'engine="0",finished_reason="{reason}",model_name="{_MODEL}"': 7.0 for reason in ("stop", "length")}
    return (
        _gauge("vllm:num_requests_running", labels, 12.0)
        + _gauge("vllm:num_requests_waiting", labels, 3.0)
        + _gauge("vllm:kv_cache_usage_perc", labels, 0.4375)
        + "".join(_histogram(f"vllm:request_{step}_seconds", labels, 24) for step in range(12))
        + _counter("vllm:prompt_tokens", {labels: 81234.0})
        + _counter("vllm:request_success", reasons)
        + "".join(_histogram(f"vllm:request_{step}_tokens", labels, 24) for step in range(12))
    )


def _sglang() -> str:
    labels = f'engine_type="unified",model_name="{_MODEL}",moe_ep_rank="0",pp_rank="0",tp_rank="0"'
    return (
        "".join(_gauge(f"sglang:gauge_{step}", labels, 1.0) for step in range(40))
        + _gauge("sglang:num_running_reqs", labels, 12.0)
        + _gauge("sglang:num_queue_reqs", labels, 3.0)
        + _gauge("sglang:num_grammar_queue_reqs", labels, 0.0)
        + _gauge("sglang:token_usage", labels, 0.43)
        + "".join(_histogram(f"sglang:latency_{step}_seconds", labels, 28) for step in range(10))
        + _counter("sglang:num_requests", {f'is_streaming="true",{labels}': 71.0})
    )


def _llama_cpp() -> str:
    names = [f"llamacpp:counter_{step}" for step in range(10)] + ["llamacpp:n_decode_total"]
    counters = "".join(f"# HELP {name} What is counted.\n# TYPE {name} counter\n{name} 4711\n" for name in names)
    gauges = ("requests_processing", "requests_deferred")
    return counters + "".join(f"# TYPE llamacpp:{name} gauge\nllamacpp:{name} 2\n" for name in gauges)


TEXTS: dict[EngineType, str] = {"vLLM": _vllm(), "SGLang": _sglang(), "LlamaCpp": _llama_cpp()}
