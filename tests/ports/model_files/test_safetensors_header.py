"""Headers of safetensors files: real ones, broken ones and hostile ones."""

import io
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from modelberth.planner.files import Tensors
from modelberth.ports.model_files.problems import CorruptHeader, HeaderProblem
from modelberth.ports.model_files.safetensors_header import (
    MAX_HEADER_BYTES,
    is_drafter,
    parse_safetensors_header,
    read_header,
    sum_tensors,
)
from tests.ports.model_files.made import headed, safetensors


def sums(content: bytes, layers: int | None = None) -> Tensors:
    return sum_tensors(parse_safetensors_header(read_header(io.BytesIO(content))), layers)


DTYPES = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "U8": np.uint8, "I64": np.int64}


@given(st.dictionaries(st.text(min_size=1), st.tuples(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 5)))))
def test_files_of_the_library(tensors: dict[str, tuple[str, list[int]]]) -> None:
    arrays = {name: np.zeros(shape[:4], dtype=DTYPES[dtype]) for name, (dtype, shape) in tensors.items()}
    arrays.pop("__metadata__", None)
    found = sums(save(arrays, metadata={"format": "pt", "quote": '"},{'}))
    assert found.total_bytes == sum(array.nbytes for array in arrays.values())
    for dtype, kind in DTYPES.items():
        elements = [array.size for array in arrays.values() if array.dtype == kind]
        assert found.parameters.get(dtype, 0) == sum(elements)


def test_types_that_are_not_known_count_as_they_are_stored() -> None:
    content = safetensors(("a", "F4", (8, 8), 32), ("b", "F8_E8M0", (4,), 4), ("c", "BF16", (), 2))
    assert sums(content) == Tensors({"F4": 64, "F8_E8M0": 4, "BF16": 1}, 38, 0)


def test_a_file_without_tensors() -> None:
    assert sums(headed(b"{}   ")) == Tensors()


@pytest.mark.parametrize(
    ("name", "layers", "drafter"),
    [
        ("model.layers.60.mlp.gate.weight", 61, False),
        ("model.layers.61.mlp.gate.weight", 61, True),
        ("model.layers.61.mlp.gate.weight", None, False),
        ("model.language_model.layers.46.eh_proj.weight", 46, True),
        ("language_model.model.layers.46.eh_proj.weight", 46, True),
        ("layers.4.weight", 4, True),
        ("vision_tower.encoder.layers.26.weight", 26, False),
        ("mtp.layers.0.mlp.up_proj.weight", 48, True),
        ("model.mtp_layers.0.input_proj.weight", 36, True),
        ("mtp_head", None, False),
        ("model.embed_tokens.weight", 1, False),
    ],
)
def test_layers_for_drafting(name: str, layers: int | None, drafter: bool) -> None:
    assert is_drafter(name, layers) is drafter
    assert sums(safetensors((name, "BF16", (3,), 6)), layers).drafter_bytes == (6 if drafter else 0)


ENTRY = {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{",
        b'{"a"',
        b'{"a":1,',
        b'{"a":1}',
        b"{1:{}}",
        b'{"a":[]}',
        b"{" * 50_000,
        b'{"a":' + b"[" * 50_000,
        b'{"a":' + b"9" * 5000 + b"}",
        b"<html>",
        *(
            json.dumps({"a": {**ENTRY, name: value}}).encode()
            for name, value in [
                ("dtype", "f16"),
                ("dtype", 1),
                ("dtype", "A" * 100),
                ("shape", [-1]),
                ("shape", [True]),
                ("shape", [1.5]),
                ("shape", [1 << 53, 2]),
                ("shape", [1 << 60, 0]),
                ("shape", 3),
                ("data_offsets", [0]),
                ("data_offsets", [4, 0]),
                ("data_offsets", [0, 1 << 60]),
            ]
        ),
        json.dumps({"a": {"dtype": "F16"}}).encode(),
        json.dumps({str(n): {**ENTRY, "dtype": f"T{n}"} for n in range(100)}).encode(),
    ],
)
def test_damaged_headers(header: bytes) -> None:
    with pytest.raises(CorruptHeader):
        sums(headed(header))


@pytest.mark.parametrize("content", [b"", b"1234567", headed(b"{}")[:-1], b"<!DOCTYPE html>", b"version https://git"])
def test_what_is_no_safetensors_file(content: bytes) -> None:
    with pytest.raises(CorruptHeader):
        sums(content)


def test_a_header_that_is_too_large_is_not_called_corrupt() -> None:
    with pytest.raises(HeaderProblem, match="at most") as raised:
        sums((MAX_HEADER_BYTES + 1).to_bytes(8, "little"))
    assert not isinstance(raised.value, CorruptHeader)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,a1 \\u', max_size=80).map(str.encode))
def test_anything_else_is_refused_or_read(header: bytes) -> None:
    try:
        sums(headed(header))
    except HeaderProblem:
        return
    assert isinstance(json.loads(header.decode("latin-1")), dict)


def test_a_hostile_header_costs_little_memory() -> None:
    """As Python objects it would take twenty times its size; here it is read twice, as bytes and as text."""
    hostile = headed(b'{"__metadata__":{},' + b",".join(b'"%d":{}' % n for n in range(300_000)) + b"}")
    tracemalloc.start()
    with pytest.raises(CorruptHeader):
        sums(hostile)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(hostile)
