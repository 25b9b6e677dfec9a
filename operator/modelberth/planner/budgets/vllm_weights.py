"""What vLLM loads onto a GPU: its ways of padding, adapters, drafters, and what is left on the host."""

from dataclasses import replace

from modelberth.planner.budgets.budget import Situation
from modelberth.planner.budgets.vllm_profiling import whole_experts
from modelberth.planner.model import Layer, Model
from modelberth.planner.quantization import element_bytes, scheme_held
from modelberth.planner.weights import Held, Sharding, Stage, absorbed_bytes, lora_bytes, stages

SECTIONED_ROPE = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "qwen2_5_omni", "qwen3_omni", "glm4v")
"""Families with rotary embeddings in sections (mrope)."""
LONG_ROPE_SINCE = (0, 7, 2)
"""Their tables are four times as long, for videos: https://github.com/vllm-project/vllm/pull/12604."""
ABSORBED_SINCE, ABSORBED_UNTIL = (0, 7, 1), (0, 8)
STREAMS_SINCE = (0, 15)
"""What is quantized while loading is quantized layer by layer: https://github.com/vllm-project/vllm/pull/31914."""


def stages_of(situation: Situation) -> tuple[Stage, ...]:
    """Weights and layers of each pipeline stage on one of its GPUs."""
    held = _held(situation)
    model = _with_drafter(situation)
    more = _more_weights(situation, held)
    return tuple(replace(stage, weights=max(stage.weights + more, 0)) for stage in stages(model, held))


def loading_peak(situation: Situation) -> int:
    """Bytes that loading takes at most before weights are quantized; 0 where they are loaded as they are."""
    model = situation.model
    held = _held(situation)
    online = model.scheme.method == "none" and held.scheme.method not in ("none", "bitsandbytes")
    if not online or situation.version >= STREAMS_SINCE:
        return 0
    return max(stage.weights for stage in stages(model, replace(held, scheme=model.scheme)))


def vllm_sharding(situation: Situation) -> Sharding:
    """How vLLM spreads a model: data ranks have copies of everything but the routed experts, which all GPUs share.

    https://github.com/vllm-project/vllm/blob/v0.11.0/vllm/model_executor/layers/fused_moe/config.py
    (flatten_tp_across_dp; 0.8, where data parallelism began, has the same in fused_moe/layer.py)
    """
    parallel = situation.spec.parallelism
    together = parallel.tensor * parallel.data
    return Sharding(
        tensor=parallel.tensor,
        attention=parallel.tensor,
        experts=together if whole_experts(situation.arguments) else 1,
        expert_tensor=together,
        pipeline=parallel.pipeline,
    )


def _held(situation: Situation) -> Held:
    spec, model = situation.spec, situation.model
    sharding = vllm_sharding(situation)
    scheme = scheme_held(model, spec.quantization)
    padded = scheme.method == "mxfp4"
    long = situation.version >= LONG_ROPE_SINCE and model.model_type.startswith(SECTIONED_ROPE)
    return Held(
        scheme=scheme,
        element_bytes=element_bytes(spec.dtype),
        sharding=sharding,
        rope_copies=4 if long else 1,
        # https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/model_executor/layers/quantization/mxfp4.py
        hidden_multiple=256 if padded else 1,
        inner_multiple=128 if padded else 1,
    )


def _more_weights(situation: Situation, held: Held) -> int:
    """Adapters and absorbed projections beside a stage's weights, less what is moved to the host."""
    arguments, model = situation.arguments, situation.model
    more = -int((arguments.number("--cpu-offload-gb") or 0) * 2**30)
    if arguments.given("--enable-lora"):
        adapters, rank = arguments.count("--max-loras") or 1, arguments.count("--max-lora-rank") or 16
        more += lora_bytes(model, held, adapters, rank)
    if ABSORBED_SINCE <= situation.version < ABSORBED_UNTIL:
        more += absorbed_bytes(model, held)
    return more


def _with_drafter(situation: Situation) -> Model:
    """With one layer more where a drafter predicts tokens: its own weights where the checkpoint has them."""
    model = situation.model
    if not drafts(situation) or not model.layers:
        return model
    last = model.layers[-1]
    layer = Layer(model.drafter or last.matrices, last.cache)
    return replace(model, layers=(*model.layers, layer))


def drafts(situation: Situation) -> bool:
    """Whether a model drafts tokens: n-grams need none."""
    config = situation.arguments.record("--speculative-config")
    named = situation.arguments.word("--speculative-model", "--speculative-config.model")
    method = str(config.get("method", ""))
    return (bool(config) or named is not None) and method not in ("ngram", "suffix") and named != "[ngram]"
