"""Facts travel in a pod's last message: they come back as they were, and anything else is refused."""

import base64
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.planner.files import MAX_COUNT, MAX_TEXT, Gguf, ModelFiles, Tensors

COUNTS = st.integers(0, MAX_COUNT)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.text(), JSON)
FILES = st.builds(
    ModelFiles,
    config=st.none() | OBJECTS,
    tensors=st.none() | st.builds(Tensors, st.dictionaries(st.text(), COUNTS), COUNTS, COUNTS),
    gguf=st.none()
    | st.builds(Gguf, OBJECTS, st.lists(COUNTS, max_size=5).map(tuple), COUNTS, COUNTS, COUNTS, st.text()),
    missing=st.lists(st.text()).map(tuple),
)


@given(FILES)
def test_there_and_back(files: ModelFiles) -> None:
    assert ModelFiles.decode(files.encode()) == files


def packed(record: Any) -> str:
    return base64.b64encode(zlib.compress(json.dumps(record).encode())).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64",
        "aGVsbG8=",
        packed([]),
        packed(1),
        packed({"config": 3}),
        packed({"tensors": {}}),
        packed({"tensors": {"parameters": {"BF16": "1"}, "totalBytes": 1, "drafterBytes": 0}}),
        packed({"tensors": {"parameters": {}, "totalBytes": -1, "drafterBytes": 0}}),
        packed({"tensors": {"parameters": {}, "totalBytes": 10**400, "drafterBytes": 0}}),
        packed({"gguf": {"metadata": {}}}),
        packed({"missing": 3}),
        packed({"config": {"a": " " * MAX_TEXT}}),
        base64.b64encode(zlib.compress(b"[" * 100_000)).decode(),
    ],
)
def test_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ModelFiles.decode(text)


@given(st.text() | st.binary().map(lambda content: base64.b64encode(content).decode()) | JSON.map(packed))
def test_what_a_tenant_makes_up(text: str) -> None:
    try:
        ModelFiles.decode(text)
    except ValueError:
        return
