"""Whether the model can be cut into spec.parallelism."""

from collections.abc import Iterator

from modelberth.api.finding import Finding
from modelberth.planner.model import AttentionCache, Matrix, Scheme
from modelberth.planner.rules import checkpoint as kinds
from modelberth.planner.rules.case import Case, refused

_FIELD = "spec.parallelism.tensor"
_CUT_BY_INPUTS = ("o_proj", "down_proj")
_CUT_BY_OUTPUTS = ("q_proj", "gate_proj", "up_proj")
_SIZES = (1, 2, 4, 8, 16)
_VOCABULARY_PADDING = 64

_GROUPED = frozenset({kinds.AWQ, kinds.GPTQ, kinds.COMPRESSED_INT4})


def splits(case: Case) -> Iterator[Finding]:
    """Tensor, pipeline and expert parallelism. llama.cpp cuts any model."""
    if case.engine == "LlamaCpp":
        return
    yield from _tensor(case)
    yield from _data(case)
    parallelism = case.spec.parallelism
    layers = len(case.model.layers)
    if parallelism.pipeline > layers:
        yield refused(
            "spec.parallelism.pipeline",
            f"the model has {layers} layers, fewer than {parallelism.pipeline} stages; use {layers} at most",
        )


def _tensor(case: Case) -> Iterator[Finding]:
    tensor = case.spec.parallelism.tensor
    problem = _problem(case, tensor) if tensor > 1 else None
    if problem is not None:
        # Twice as many may do where as many do not: 4 instead of 3.
        sizes = [str(size) for size in _SIZES if size < 2 * tensor and _problem(case, size) is None]
        yield refused(_FIELD, f"{problem}; use {_either(sizes)}{_other_way(case)}")


def _data(case: Case) -> Iterator[Finding]:
    """vLLM's data ranks share the routed experts, so these are cut further than everything else."""
    data, tensor = case.spec.parallelism.data, case.spec.parallelism.tensor
    if case.engine != "vLLM" or data == 1 or (tensor > 1 and _problem(case, tensor) is not None):
        return
    problem = _matrices(case, tensor, data)
    if problem is not None:
        sizes = [str(size) for size in _SIZES if size < data and _matrices(case, tensor, size) is None]
        yield refused(
            "spec.parallelism.data",
            f"{problem}: data ranks share the experts; use {_either(sizes)}{_other_way(case)}",
        )


def _either(choices: list[str]) -> str:
    """1, 2 or 4."""
    return " or ".join(part for part in (", ".join(choices[:-1]), choices[-1]) if part)


def _other_way(case: Case) -> str:
    if case.engine == "vLLM" and case.model.experts and not _whole_experts(case):
        return ", or keep experts whole with --enable-expert-parallel in engine.args"
    return ", or parallelism.pipeline"


def _problem(case: Case, tensor: int) -> str | None:
    """Why the model cannot be shared by ``tensor`` GPUs, None if it can."""
    return _heads(case, tensor) or _experts(case, tensor) or _matrices(case, tensor) or _vocabulary(case, tensor)


def _heads(case: Case, tensor: int) -> str | None:
    """verify_with_parallel_config of vllm/config/model.py; the asserts of models/llama.py in both engines."""
    share = _attention_share(case, tensor)
    heads = case.model.attention_heads
    if heads % share:
        return f"{heads} attention heads cannot be shared by {share} GPUs"
    for kv_heads in sorted({cache.kv_heads for cache in _attention(case)}):
        if kv_heads and (kv_heads % share if kv_heads >= share else share % kv_heads):
            return f"{kv_heads} KV heads cannot be shared by {share} GPUs"
    return None


def _attention(case: Case) -> list[AttentionCache]:
    return [layer.cache for layer in case.model.layers if isinstance(layer.cache, AttentionCache)]


def _attention_share(case: Case, tensor: int) -> int:
    """GPUs that share the attention of one request: fewer under SGLang's data-parallel attention."""
    if case.engine == "SGLang" and case.arguments.given("--enable-dp-attention"):
        return max(tensor // case.spec.parallelism.data, 1)
    return tensor


def _expert_share(case: Case, tensor: int, data: int = 1) -> int:
    """GPUs that share one expert: 1 under full expert parallelism."""
    if case.engine == "vLLM":
        return 1 if case.arguments.given("--enable-expert-parallel") else tensor * data
    if case.arguments.given("--enable-ep-moe", "--enable-deepep-moe"):
        return 1
    return max(tensor // (case.arguments.count("--ep-size", "--expert-parallel-size", "--ep") or 1), 1)


def _whole_experts(case: Case) -> bool:
    return _expert_share(case, case.spec.parallelism.tensor) == 1


def _experts(case: Case, tensor: int) -> str | None:
    """vLLM spreads experts unevenly; SGLang does not: fused_moe_triton/layer.py asserts num_experts % moe_ep_size."""
    groups = tensor // _expert_share(case, tensor)
    if case.engine == "SGLang" and groups > 1 and case.model.experts % groups:
        return f"{case.model.experts} experts cannot be spread over {groups} GPUs"
    return None


def _matrices(case: Case, tensor: int, data: int = 1) -> str | None:
    for layer in {id(layer): layer for layer in case.model.layers}.values():
        for matrix in layer.matrices:
            share = _share(case, matrix, tensor, data)
            problem = _matrix(case, matrix, share) if share > 1 else None
            if problem:
                return problem
    return None


def _share(case: Case, matrix: Matrix, tensor: int, data: int) -> int:
    """GPUs that share the matrix, 1 where nothing is to be judged."""
    if matrix.split == "experts":
        return _expert_share(case, tensor, data)
    # Data-parallel attention shares dense layers by rules of its own; KV heads are judged with the heads.
    return tensor if matrix.split == "tensor" and _attention_share(case, tensor) == tensor else 1


def _matrix(case: Case, matrix: Matrix, share: int) -> str | None:
    size, unit = 0, ""
    if matrix.name.endswith(_CUT_BY_INPUTS):
        size, unit = matrix.inputs, "inputs"
    elif matrix.name.endswith(_CUT_BY_OUTPUTS):
        size, unit = matrix.outputs, "outputs"
    if size % share:
        # divide() of distributed/utils.py
        return f"{size} {unit} of {matrix.name} cannot be shared by {share} GPUs"
    step = _step(case, matrix, unit == "inputs") if matrix.linear and size else 1
    if (size // share) % step:
        return (
            f"{size} {unit} of {matrix.name} on {share} GPUs are {size // share} each, no multiple of the {step} that "
            f"share a scale in {case.kind}"
        )
    return None


def _step(case: Case, matrix: Matrix, by_inputs: bool) -> int:
    """Rows or columns that a GPU must have a multiple of, because they share a scale."""
    scheme = matrix.scheme or case.model.scheme
    if scheme.only_experts and matrix.split != "experts":
        return 1
    if scheme.block and case.kind in kinds.EIGHT_BIT_FLOAT:
        # "The output_size of gate's and up's weight = 192 is not divisible by weight quantization block_n = 128":
        # https://github.com/vllm-project/vllm/issues/17569 and /54178, https://github.com/sgl-project/sglang/issues/3345
        return scheme.group or 1
    return _group(case, matrix, scheme) if by_inputs else 1


def _group(case: Case, matrix: Matrix, scheme: Scheme) -> int:
    """ "The input size is not aligned with the quantized weight shape": https://github.com/vllm-project/vllm/issues/5675.

    Experts have kernels that halve the group (moe_wna16 of vLLM), so they are not judged.
    """
    if case.kind in _GROUPED and matrix.split == "tensor" and scheme.group and scheme.group > 0:
        return scheme.group
    return 1


def _vocabulary(case: Case, tensor: int) -> str | None:
    """vLLM pads to a multiple of 64 and then divides (layers/vocab_parallel_embedding.py); SGLang pads further."""
    padded = -(-case.model.vocab_size // _VOCABULARY_PADDING) * _VOCABULARY_PADDING
    if case.engine == "vLLM" and padded % tensor:
        return f"a vocabulary of {padded} (padded) cannot be shared by {tensor} GPUs"
    return None
