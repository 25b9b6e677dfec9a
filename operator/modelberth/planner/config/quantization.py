"""How a checkpoint stores its linear layers: quantization_config of config.json."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelberth.planner.config.modules import compressed
from modelberth.planner.config.values import MAX_ITEMS, Config
from modelberth.planner.model import Scheme

UNQUANTIZED = Scheme()
NVFP4 = Scheme("nvfp4", bits=4, group=16, scale_bits=8)
MXFP4 = Scheme("mxfp4", bits=4, group=32, scale_bits=8)
MXFP8 = Scheme("mxfp8", bits=8, group=32, scale_bits=8)
FP8 = Scheme("fp8", bits=8, scale_bits=32)
FP8_BLOCKS = replace(FP8, group=128, block=True)
NF4 = Scheme("bitsandbytes", bits=4, group=64, scale_bits=8)
"""A scale per 64 elements, itself of 8 bits: https://arxiv.org/abs/2305.14314."""

KEPT = (
    "modules_to_not_convert",
    "ignored_layers",
    "ignore",
    "exclude_modules",
    "llm_int8_skip_modules",
    "exclude",
    "linear_weights_not_to_quantize",
    "skip_modules",
)
"""Names of the list of modules that stay as they are."""
ASSUMED_BITS = 4


@dataclass(frozen=True)
class Recipe:
    """What a checkpoint does with which modules."""

    scheme: Scheme = UNQUANTIZED
    kept: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """If not empty, only these are stored in ``scheme``."""
    others: tuple[tuple[tuple[str, ...], Scheme], ...] = ()
    """Modules that are stored in another way."""
    towers: bool = True
    """Whether vision and audio towers are quantized too, where ``kept`` does not name them."""
    estimated: tuple[str, ...] = field(default=())


def scheme_of(config: Config) -> Scheme:
    """The quantization of most linear layers that config.json tells."""
    return recipe_of(config).scheme


def recipe_of(config: Config) -> Recipe:
    """The quantization that config.json tells, module by module."""
    section = quantization_section(config)
    if section is None:
        return Recipe()
    names = section.words(*KEPT)
    recipe = _read(section)
    general = sorted({name for name in compressed(names) if "{" not in name})
    scheme = replace(recipe.scheme, kept=tuple(general)) if recipe.scheme.method != "none" else recipe.scheme
    if config.word("expert_dtype") == "fp4" and recipe.scheme.method == "fp8":  # DeepSeek V4
        recipe = replace(recipe, others=((("mlp.experts",), MXFP4), *recipe.others))
    return replace(recipe, scheme=scheme, kept=(*names, *recipe.kept))


def quantization_section(config: Config) -> Config | None:
    """quantization_config, or where multimodal models and llm-compressor's first versions have it."""
    keys = ("quantization_config", "compression_config")
    section = config.section(*keys)
    if section is None:
        text = config.section("text_config", "llm_config")
        section = text.section(*keys) if text else None
    return section


def _read(section: Config) -> Recipe:
    method = section.word("quant_method").lower().replace("_", "-")
    section.word("format")  # tells which hardware can do it
    algorithm = section.word("quant_algo") or (section.section("quantization") or section).word("quant_algo")
    if method.startswith("modelopt") or algorithm:
        return _modelopt(section.section("quantization") or section, algorithm.upper())
    if method.startswith("compressed-tensors") or section.has("config_groups"):
        return _compressed_tensors(section)
    if method in ("awq", "gptq", "auto-round", "intel/auto-round", "inc", "awq-marlin", "gptq-marlin", "auto-awq"):
        return _integers(section, "awq" if "awq" in method else "gptq" if "gptq" in method else "auto-round")
    reader = _READERS.get(method)
    return reader(section) if reader else _unknown(section, method)


def _integers(section: Config, method: str) -> Recipe:
    """AWQ, GPTQ and AutoRound: groups along the inputs, with a zero point each even where it is not used."""
    scheme = Scheme(method, _bits(section, "bits", "w_bit"), _group(section), zeros=True)
    if method == "auto-round" and "mx_fp" in section.word("data_type"):
        scheme = MXFP4 if scheme.bits == 4 else MXFP8
    kept: list[tuple[str, int]] = []
    others: list[tuple[str, int]] = []
    for name, value in section.mapping("extra_config").items():
        bits = value.get("bits") if isinstance(value, Mapping) else None
        if isinstance(bits, int) and not isinstance(bits, bool) and bits != scheme.bits:
            (kept if bits >= 16 else others).append((name, bits))
    kept += [(f"re:{name[2:]}", 16) for name in section.mapping("dynamic") if name.startswith("-:")]
    changed = tuple(((name,), replace(scheme, bits=bits)) for name, bits in others if 1 <= bits < 16)
    return Recipe(scheme, tuple(name for name, _ in kept), others=changed, towers=False)


def _bitsandbytes(section: Config) -> Recipe:
    if section.flag("load_in_8bit", "_load_in_8bit"):
        return Recipe(Scheme("bitsandbytes", bits=8, scale_bits=32))
    return Recipe(NF4)


def _fp8(section: Config) -> Recipe:
    """One scale per matrix, row or block; per matrix and per row differ by next to nothing."""
    blocks = section.whole_numbers("weight_block_size")
    if not blocks:
        return Recipe(FP8)
    return Recipe(replace(FP8, group=_side(section, blocks[-1]), block=len(blocks) > 1 and blocks[0] > 1))


def _mxfp4(section: Config) -> Recipe:
    """GPT-OSS: the experts alone."""
    return Recipe(replace(MXFP4, only_experts=True))


def _quark(section: Config) -> Recipe:
    weights = (section.section("global_quant_config") or section).section("weight")
    dtype = weights.word("dtype") if weights else ""
    if "fp4" in dtype:
        return Recipe(MXFP4)
    if "fp8" in dtype or "int8" in dtype:
        return Recipe(replace(FP8, method="fp8" if "fp8" in dtype else "int8"))
    return Recipe(Scheme("quark", 4, _group(weights or section), zeros=True))


def _hqq(section: Config) -> Recipe:
    quantized = section.section("quant_config") or section
    weights = quantized.section("weight_quant_params") or quantized
    return Recipe(Scheme("hqq", _bits(weights, "nbits"), _group(weights, 64), zeros=True), towers=False)


def _torchao(section: Config) -> Recipe:
    default = (section.section("quant_type") or section).section("default")
    name = (default.word("_type") if default else section.word("quant_type")).lower()
    data = (default.section("_data") if default else None) or section
    if "int4" in name:
        return Recipe(Scheme("torchao", 4, _group(data), zeros=True))
    return Recipe(replace(FP8, method="fp8" if "float8" in name else "torchao"))


def _aqlm(section: Config) -> Recipe:
    group = section.size("in_group_size", default=8)
    bits = section.size("nbits_per_codebook", default=16) * section.size("num_codebooks", default=1) / group
    return Recipe(Scheme("aqlm", min(bits, 16)), towers=False)


def _eetq(section: Config) -> Recipe:
    return Recipe(Scheme("int8", bits=8))


_READERS: dict[str, Callable[[Config], Recipe]] = {
    "aqlm": _aqlm,
    "bitsandbytes": _bitsandbytes,
    "deepseek-v4-fp8": _fp8,
    "eetq": _eetq,
    "experts-int8": lambda section: Recipe(Scheme("int8", bits=8, only_experts=True)),
    "fbgemm-fp8": lambda section: Recipe(FP8),
    "fp8": _fp8,
    "hqq": _hqq,
    "mxfp4": _mxfp4,
    "mxfp8": lambda section: Recipe(MXFP8),
    "quark": _quark,
    "torchao": _torchao,
    "w4afp8": lambda section: Recipe(replace(FP8_BLOCKS), others=((("mlp.experts",), Scheme("w4afp8", 4, 128)),)),
}


def _unknown(section: Config, method: str) -> Recipe:
    bits = _bits(section, "bits", "w_bit", "nbits", "num_bits")
    return Recipe(
        Scheme(method or "unknown", bits, _group(section, 0)),
        estimated=(f"the quantization {method or 'of config.json'} is not known: taken as {bits} bits",),
    )


_ALGORITHMS = {
    "FP8": FP8,
    "FP8_PER_CHANNEL_PER_TOKEN": FP8,
    "FP8_PB_WO": FP8_BLOCKS,
    "FP8_BLOCK_SCALES": FP8_BLOCKS,
    "NVFP4": NVFP4,
    "W4A16_NVFP4": NVFP4,
    "NVFP4_AWQ": NVFP4,
    "MXFP8": MXFP8,
    "MXFP4": MXFP4,
    "W4A16_AWQ": Scheme("awq", 4, 128),
    "W4A8_AWQ": Scheme("awq", 4, 128),
    "INT8_SQ": Scheme("int8", 8),
    "W8A8_SQ_PER_CHANNEL": Scheme("int8", 8),
}


def _modelopt(section: Config, algorithm: str) -> Recipe:
    """NVIDIA ModelOpt, by the name of the algorithm or by module."""
    kept = tuple(section.words(*KEPT))
    if algorithm != "MIXED_PRECISION":
        scheme = _ALGORITHMS.get(algorithm)
        if scheme is None:
            return replace(_unknown(section, f"modelopt {algorithm}"[:40]), kept=kept)
        return Recipe(scheme, kept)
    groups: dict[str, list[str]] = {}
    for name, value in section.mapping("quantized_layers").items():
        told = value.get("quant_algo") if isinstance(value, Mapping) else None
        groups.setdefault(told.upper() if isinstance(told, str) else "", []).append(name)
    found = [(tuple(names), _ALGORITHMS[told]) for told, names in groups.items() if told in _ALGORITHMS]
    if not found:
        return replace(_unknown(section, "modelopt MIXED_PRECISION"), kept=kept)
    # What is not listed is not quantized; the scheme with most modules stands for the checkpoint.
    found.sort(key=lambda group: (group[1].bits, group[1].method))
    only = tuple(name for names, _ in found for name in names)
    return Recipe(found[0][1], kept, only, tuple(found[1:]))


def _compressed_tensors(section: Config) -> Recipe:
    """llm-compressor: groups of targets, each with a scheme; most checkpoints have one."""
    groups = section.section("config_groups")
    found: list[tuple[tuple[str, ...], Scheme]] = []
    for group in groups.all_sections() if groups else []:
        weights = group.section("weights")
        if weights is not None:
            found.append((tuple(group.words("targets")), _weights(weights)))
    if not found:
        return _unknown(section, "compressed-tensors")
    first = next((group for group in found if "Linear" in group[0]), found[0])
    only = () if "Linear" in first[0] else tuple(name for names, _ in found for name in names)
    others = tuple((names, scheme) for names, scheme in found if names is not first[0])
    return Recipe(first[1], only=only, others=others)


def _weights(weights: Config) -> Scheme:
    bits, strategy = _bits(weights, "num_bits"), weights.word("strategy")
    group = _group(weights, 0)
    if weights.word("type", default="int") == "float":
        if bits == 4:
            return MXFP4 if group == MXFP4.group else NVFP4
        blocks = weights.whole_numbers("block_structure")
        if strategy == "block" and len(blocks) > 1:
            return replace(FP8, group=_side(weights, blocks[-1]), block=True)
        return MXFP8 if group == MXFP8.group else FP8
    zeros = not weights.flag("symmetric", default=True)
    return Scheme("compressed-tensors", bits, group, scale_bits=16, zeros=zeros)


def _bits(section: Config, *keys: str) -> int:
    bits = section.size(*keys, default=ASSUMED_BITS)
    if bits > 16:
        raise section.wrong(keys, "is more than 16")
    return bits


def _group(section: Config, default: int = 128) -> int | None:
    """Inputs that share a scale; None for -1, which means one per output."""
    keys = ("group_size", "q_group_size")
    size = section.value(*keys)
    if size == -1:
        return None
    return section.count(*keys, default=default) or None


def _side(section: Config, side: int) -> int:
    if not 1 <= side <= 1 << 16:
        raise section.wrong(("weight_block_size", "block_structure"), "is no size of a block")
    return side


def smaller(section: Any) -> Any:
    """quantization_config with lists of modules in fewer words."""
    if not isinstance(section, Mapping):
        return section
    found = dict(section)
    for key in KEPT:
        names = found.get(key)
        if isinstance(names, list) and len(names) <= MAX_ITEMS and all(isinstance(name, str) for name in names):
            found[key] = compressed(names)
    layers = found.get("quantized_layers")
    if isinstance(layers, Mapping):
        groups: dict[str, list[str]] = {}
        for name, value in layers.items():
            told = value.get("quant_algo") if isinstance(value, Mapping) else None
            groups.setdefault(told if isinstance(told, str) else "", []).append(name)
        found["quantized_layers"] = {
            name: {"quant_algo": told} for told, names in groups.items() for name in compressed(names)
        }
    if isinstance(found.get("quantization"), Mapping):
        found["quantization"] = smaller(found["quantization"])
    return found
