"""Headers of GGUF files: what the reference library writes and reads, and what breaks."""

import io
import struct
from pathlib import Path

import gguf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.ports.model_files.gguf_header import (
    MAX_HEADER_BYTES,
    VOCABULARY,
    GgufHeader,
    GgufTensor,
    read_gguf_header,
)
from modelberth.ports.model_files.gguf_sums import sum_gguf
from modelberth.ports.model_files.gguf_types import TYPES
from modelberth.ports.model_files.problems import CorruptHeader, HeaderProblem
from tests.ports.model_files.made import write_gguf

SHAPES = {
    "token_embd.weight": (300, 512),
    "blk.0.attn_q.weight": (512, 512),
    "blk.0.ffn_up_exps.weight": (4, 256, 512),
    "blk.1.attn_q.weight": (512, 512),
    "output_norm.weight": (512,),
    "output.weight": (300, 512),
    "rope_freqs.weight": (512,),
}


def read(path: Path) -> GgufHeader:
    with path.open("rb") as file:
        return read_gguf_header(file)


def test_every_type_of_the_library_is_known() -> None:
    theirs = {int(kind): (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert {number: tuple(kind) for number, kind in TYPES.items()} == theirs


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_K", "Q6_K", "Q8_0", "IQ4_XS", "IQ2_XXS", "MXFP4", "TQ2_0"])
def test_files_of_the_library(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(path, SHAPES, kind)
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    found = read(path)
    assert [tensor.name for tensor in found.tensors] == list(SHAPES) == list(theirs)
    for tensor in found.tensors:
        reference = theirs[tensor.name]
        size = (tensor.type.name, tensor.elements, tensor.bytes)
        assert size == (reference.tensor_type.name, int(reference.n_elements), int(reference.n_bytes))


def test_the_values_that_matter(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(path, SHAPES, **{"general.name": "Tiny", "general.license.text": "word " * 1000})
    assert read(path).metadata == {
        "general.architecture": "llama",
        "general.name": "Tiny",
        "llama.block_count": 2,
        "llama.context_length": 4096,
        "llama.attention.head_count_kv": [8, 4],
        VOCABULARY: 300,
    }


def test_the_weights_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_gguf(path, SHAPES)
    with path.open("rb") as file:
        found = read_gguf_header(file)
        assert file.tell() < 20_000 < path.stat().st_size
    cut = path.read_bytes()[:20_000]
    assert read_gguf_header(io.BytesIO(cut)) == found


def test_bytes_by_part(tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf", SHAPES, "Q8_0")
    found = sum_gguf([read(tmp_path / "model.gguf")])
    row = 512 // 32 * 34
    assert found.layer_bytes == ((512 + 4 * 256) * row, 512 * row)
    assert found.embedding_bytes == 300 * row
    assert found.output_bytes == 301 * row
    assert found.other_bytes == row
    assert found.file_type == "Q8_0"
    assert found.metadata["llama.block_count"] == 2


def test_a_tied_head(tmp_path: Path) -> None:
    """output_bytes is 0 then, though there is a norm."""
    write_gguf(tmp_path / "model.gguf", {name: shape for name, shape in SHAPES.items() if name != "output.weight"})
    found = sum_gguf([read(tmp_path / "model.gguf")])
    assert (found.output_bytes, found.other_bytes) == (0, 2 * 2 * 512)


def test_parts_are_one_model(tmp_path: Path) -> None:
    names = list(SHAPES)
    write_gguf(tmp_path / "all.gguf", SHAPES)
    write_gguf(tmp_path / "1.gguf", {name: SHAPES[name] for name in names[:2]}, **{"general.name": "first"})
    write_gguf(tmp_path / "2.gguf", {name: SHAPES[name] for name in names[2:]}, **{"general.name": "second"})
    whole, first, second = (read(tmp_path / f"{name}.gguf") for name in ("all", "1", "2"))
    together = sum_gguf([first, second])
    assert together.metadata["general.name"] == "first"
    assert together.layer_bytes == sum_gguf([whole]).layer_bytes
    assert together.other_bytes == sum_gguf([whole]).other_bytes


def test_the_type_of_most_elements_names_the_file() -> None:
    tensors = (
        GgufTensor("blk.0.a.weight", TYPES[12], 4096),
        GgufTensor("blk.0.b.weight", TYPES[14], 1024),
        *(GgufTensor(f"blk.{n}.norm", TYPES[0], 64) for n in range(20)),
    )
    assert sum_gguf([GgufHeader({}, tensors)]).file_type == "Q4_K"


def header(version: int = 3, keys: int = 0, tensors: int = 0, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def tensor(shape: tuple[int, ...], kind: int = 0, name: bytes = b"blk.0.x") -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGU",
        b"<html>",
        b"GGML" + bytes(100),
        header()[:-1],
        header(keys=1),
        header(keys=1 << 40),
        header(tensors=1 << 40),
        header(keys=1, rest=struct.pack("<Q", 1 << 50)),
        header(keys=1, rest=text(b"a") + struct.pack("<I", 99)),
        header(keys=1, rest=text(b"a") + struct.pack("<IIQ", 9, 9, 1)),
        header(keys=1, rest=text(b"a") + struct.pack("<IIQ", 9, 8, 1 << 20)),
        header(tensors=1, rest=tensor((1,) * 9)),
        header(tensors=1, rest=tensor((1 << 50, 1 << 50))),
        header(tensors=1, rest=tensor((33,), 8)),
    ],
)
def test_damaged_headers(content: bytes) -> None:
    with pytest.raises(CorruptHeader):
        read_gguf_header(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (header(version=1), "version 1"),
        (header(keys=1, rest=text(b"a") + struct.pack("<IIQ", 9, 8, 1 << 50)), "a list of"),
        (header(version=3 << 24), "version 50331648"),
        (header(tensors=1, rest=tensor((32,), 99)), "type 99"),
    ],
)
def test_what_newer_tools_may_read_is_not_called_corrupt(content: bytes, why: str) -> None:
    with pytest.raises(HeaderProblem, match=why) as raised:
        read_gguf_header(io.BytesIO(content))
    assert not isinstance(raised.value, CorruptHeader)


class Endless(io.RawIOBase):
    """A header whose first text never ends."""

    served = 0

    def read(self, size: int = -1) -> bytes:
        start = header(keys=1, rest=text(b"a") + struct.pack("<IQ", 8, 1 << 50))
        content = start[self.served : self.served + size].ljust(size, b"x")
        self.served += size
        return content


def test_no_more_is_read_than_the_largest_header() -> None:
    endless = Endless()
    with pytest.raises(HeaderProblem, match="larger than"):
        read_gguf_header(endless)  # type: ignore[arg-type]
    assert endless.served <= MAX_HEADER_BYTES


def test_what_json_cannot_say_is_left_out() -> None:
    keys = text(b"a") + struct.pack("<If", 6, float("nan")) + text(b"b") + struct.pack("<IIQf", 9, 6, 1, float("inf"))
    keys += text(b"c") + struct.pack("<I?", 7, True)
    assert read_gguf_header(io.BytesIO(header(keys=3, rest=keys))).metadata == {"c": True}


def test_a_block_number_makes_no_list() -> None:
    found = read_gguf_header(io.BytesIO(header(tensors=1, rest=tensor((1,), name=b"blk.999999.x"))))
    with pytest.raises(CorruptHeader, match="999999"):
        sum_gguf([found])


@given(st.binary(max_size=300), st.integers(0, 3), st.integers(0, 3))
def test_anything_else_is_refused_or_read(rest: bytes, keys: int, tensors: int) -> None:
    try:
        sum_gguf([read_gguf_header(io.BytesIO(header(keys=keys, tensors=tensors, rest=rest)))])
    except HeaderProblem:
        return


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real file without its weights."""
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    write_gguf(path, SHAPES)
    return path.read_bytes()[:8000]


@given(st.integers(0, 7999), st.integers(0, 255))
def test_a_byte_that_flips(whole: bytes, position: int, value: int) -> None:
    content = whole[:position] + bytes([value]) + whole[position + 1 :]
    try:
        read_gguf_header(io.BytesIO(content))
    except HeaderProblem:
        return
