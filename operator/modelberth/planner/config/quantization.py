"""How a checkpoint stores its linear layers: quantization_config of config.json."""

from modelberth.planner.config.values import Config
from modelberth.planner.model import Scheme


def scheme_of(config: Config) -> Scheme:
    """The quantization that config.json tells."""
    section = config.section("quantization_config")
    if section is None:
        return Scheme()
    method, kept = section.word("quant_method"), tuple(section.words("modules_to_not_convert"))
    bits, group = section.size("bits", "w_bit", default=4), section.count("group_size", "q_group_size", default=128)
    if method in ("awq", "gptq"):
        return Scheme(method, bits, group, zeros=True, kept=kept)
    if method == "fp8":
        blocks = section.items("weight_block_size")
        side = blocks[0] if blocks and isinstance(blocks[0], int) else None
        return Scheme(method, 8, side, scale_bits=32, block=side is not None, kept=kept)
    return Scheme(method, bits, kept=kept)
