"""What vLLM runs to see how much memory a step needs: which batch, by version and device.

https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/engine/arg_utils.py (_set_default_args_v1)
"""

from dataclasses import dataclass

from modelberth.planner.arguments import Arguments
from modelberth.planner.budgets.budget import Situation
from modelberth.planner.model import StateCache
from modelberth.planner.overheads import Batch, Profile, device_class, image_tokens
from modelberth.planner.quantization import element_bytes

LARGE_GPU = 70 * 2**30
"""Larger batches are the default from here on: https://github.com/vllm-project/vllm/pull/15150."""
VERY_LARGE_GPU, VERY_LARGE_SINCE = 160 * 2**30, (0, 27)
MANY_SEQUENCES_SINCE = (0, 8, 3)
A100_IS_SMALL_SINCE = (0, 9, 1)
STATES_SINCE = (0, 9, 2)
"""V1 runs models with states: https://github.com/vllm-project/vllm/pull/20016."""
LONG_CONTEXT, CHUNKED_SINCE = 32 * 1024, (0, 5, 5)
"""V0 turns chunked prefill on above it, so that the batch no longer grows with maxModelLen:
https://github.com/vllm-project/vllm/pull/6666."""

GATHERING = ("allgather_reducescatter", "naive")
"""Values of --all2all-backend that bring the tokens of all data ranks to every GPU."""
EXPERT_CHUNK, UNCHUNKED_SINCE = 32768, (0, 18)
"""Tokens that the fused kernel took at once (VLLM_FUSED_MOE_CHUNK_SIZE), and when that bound went."""


@dataclass(frozen=True)
class Run:
    """How this version profiles itself."""

    v1: bool
    """The second generation of the engine."""
    eager: bool
    """No CUDA graphs."""
    batch: Batch
    profile: Profile


def run_of(situation: Situation) -> Run:
    """The profile run of a situation."""
    v1 = is_v1(situation)
    spec, arguments = situation.spec, situation.arguments
    large = situation.memory >= LARGE_GPU and not _is_small(situation)
    many = v1 and large and situation.version >= MANY_SEQUENCES_SINCE
    tokens = arguments.count("--max-num-batched-tokens") or _default_tokens(situation, v1, large)
    batch = Batch(
        tokens=tokens,
        sequences=min(spec.max_num_seqs or (1024 if many else 256), tokens),
        element_bytes=element_bytes(spec.dtype),
        tensor=spec.parallelism.tensor,
        expert_tensor=1 if whole_experts(arguments) else spec.parallelism.tensor * spec.parallelism.data,
        expert_tokens=_expert_tokens(situation, tokens),
        images=_sees(situation),
    )
    return Run(v1, _is_eager(situation), batch, situation.profiles.of("vLLM", situation.gpu, situation.version))


def whole_experts(arguments: Arguments) -> bool:
    """Whether each GPU has some of the experts whole, not a part of every one."""
    return arguments.given("--enable-expert-parallel")


def _expert_tokens(situation: Situation, tokens: int) -> int | None:
    """The batches of all data ranks go through the experts together, unless kernels send each token where it belongs.

    https://github.com/vllm-project/vllm/blob/v0.20.0/vllm/model_executor/layers/fused_moe/runner/moe_runner.py
    (do_naive_dispatch_combine), fused_experts_impl of fused_moe.py in each release
    """
    data, arguments = situation.spec.parallelism.data, situation.arguments
    backend = arguments.word("--all2all-backend") or arguments.variable("VLLM_ALL2ALL_BACKEND") or GATHERING[0]
    if data == 1 or (whole_experts(arguments) and backend not in GATHERING):
        return None
    return tokens * data if situation.version >= UNCHUNKED_SINCE else max(tokens, min(tokens * data, EXPERT_CHUNK))


def is_v1(situation: Situation) -> bool:
    """V1 is the default from 0.8 on where GPU and model can do it, and all there is from 0.11 on."""
    if situation.version >= (0, 11):
        return True
    if situation.version < STATES_SINCE and any(
        isinstance(layer.cache, StateCache) for layer in situation.model.layers
    ):
        return False
    chosen = situation.arguments.variable("VLLM_USE_V1")
    if chosen is not None:
        return chosen == "1"
    capability = situation.gpu.compute_capability if situation.gpu else None
    return situation.version >= (0, 8) and (capability is None or capability >= (8, 0))


def _is_eager(situation: Situation) -> bool:
    arguments = situation.arguments
    config = arguments.record("--compilation-config") or arguments.record("-cc") or arguments.record("-O")
    compiled = str(config.get("cudagraph_mode", "")).upper() != "NONE" and config.get("level") != 0
    return arguments.given("--enforce-eager", "-O0") or not compiled


def _sees(situation: Situation) -> bool:
    """Whether images are profiled: not in text-only mode, nor with a limit of no image.

    Before 0.7 an image that is longer than the context was left out.
    """
    limits = situation.arguments.record("--limit-mm-per-prompt")
    if situation.arguments.given("--language-model-only") or limits.get("image") == 0:
        return False
    return situation.version >= (0, 7) or image_tokens(situation.model.model_type) <= situation.max_model_len


def _is_small(situation: Situation) -> bool:
    """A100 have the batches of small GPUs since 0.9.1, and so have those whose driver tells no memory (GB10)."""
    if device_class(situation.gpu) == "unified":
        return True
    return situation.version >= A100_IS_SMALL_SINCE and situation.gpu is not None and "A100" in situation.gpu.label


def _default_tokens(situation: Situation, v1: bool, large: bool) -> int:
    if v1 and large and situation.memory >= VERY_LARGE_GPU and situation.version >= VERY_LARGE_SINCE:
        return 16384
    if v1:
        return 8192 if large else 2048
    multimodal = situation.model.multimodal
    if situation.arguments.given("--enable-chunked-prefill"):
        return 2048
    long = situation.max_model_len > LONG_CONTEXT and situation.version >= CHUNKED_SINCE
    if long and not multimodal:
        return 2048
    return max(situation.max_model_len, 5120 if multimodal else 2048)
