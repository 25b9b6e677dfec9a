"""Round-to-nearest 4-bit quantization in the two layouts of AutoAWQ and AutoGPTQ, in numpy.

Rounding to nearest is the simplest quantization there is: no calibration data, a little worse than AWQ or GPTQ
proper, and the same file format, which is what an engine's kernels and an operator care about.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]
Float = NDArray[np.float32]

BITS = 4
GROUP_SIZE = 64  # SmolLM2's hidden size, 576, is no multiple of the usual 128
_PER_INT32 = 32 // BITS
_HIGHEST = 2**BITS - 1
# AutoAWQ interleaves the eight values of an int32 for its CUDA kernel (awq/utils/packing_utils.py, AWQ_ORDER).
_AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def quantize_awq(weight: Float) -> dict[str, Tensor]:
    """Asymmetric, for a weight of shape (out, in).

    Returns qweight int32 (in, out / 8), qzeros int32 (in / 64, out / 8) and scales float16 (in / 64, out).
    """
    groups = _groups(weight)
    low, high = groups.min(axis=1), groups.max(axis=1)
    scales = np.maximum((high - low) / _HIGHEST, 1e-6)
    zeros = np.clip(np.rint(-low / scales), 0, _HIGHEST)
    values = np.clip(np.rint(groups / scales[:, None]) + zeros[:, None], 0, _HIGHEST).reshape(weight.shape[::-1])
    return {
        "qweight": _pack_columns(values, _AWQ_ORDER),
        "qzeros": _pack_columns(zeros, _AWQ_ORDER),
        "scales": scales.astype(np.float16),
    }


def quantize_gptq(weight: Float) -> dict[str, Tensor]:
    """Symmetric without activation order, for a weight of shape (out, in).

    Returns qweight int32 (in / 8, out), qzeros int32 (in / 64, out / 8), scales float16 (in / 64, out)
    and g_idx int32 (in,).
    """
    groups = _groups(weight)
    middle = 2 ** (BITS - 1)
    scales = np.maximum(np.abs(groups).max(axis=1) / (middle - 1), 1e-6)
    values = np.clip(np.rint(groups / scales[:, None]) + middle, 0, _HIGHEST).reshape(weight.shape[::-1])
    # GPTQ files store the zero point less one (the "v1" format; the kernels add it back).
    zeros = np.full(scales.shape, middle - 1)
    return {
        "qweight": _pack_columns(values.T, range(_PER_INT32)).T,
        "qzeros": _pack_columns(zeros, range(_PER_INT32)),
        "scales": scales.astype(np.float16),
        "g_idx": (np.arange(weight.shape[1]) // GROUP_SIZE).astype(np.int32),
    }


def _groups(weight: Float) -> Float:
    """(out, in) -> (in / group size, group size, out)."""
    rows, columns = weight.shape
    return weight.T.reshape(columns // GROUP_SIZE, GROUP_SIZE, rows)


def _pack_columns(values: Tensor, order: Any) -> Tensor:
    """Pack eight neighbouring 4-bit columns into one int32, `order[i]` at bits 4 i to 4 i + 3."""
    rows, columns = values.shape
    octets = values.astype(np.uint32).reshape(rows, columns // _PER_INT32, _PER_INT32)
    packed = np.zeros(octets.shape[:2], dtype=np.uint32)
    for position, source in enumerate(order):
        packed |= octets[:, :, source] << np.uint32(BITS * position)
    return packed.view(np.int32)
