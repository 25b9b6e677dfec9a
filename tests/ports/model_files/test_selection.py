"""Which files are chosen: a table of repositories as they are, and properties that hold for any."""

from pathlib import PurePosixPath
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.spec import EngineType
from modelberth.ports.model_files.selection import Selection, Unsuitable, Wish, select

SETTINGS = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
INDEX = "model.safetensors.index.json"
NOISE = [".gitattributes", "README.md", "LICENSE", "logo.png", "onnx/model.onnx", "onnx/config.json", "tf_model.h5"]
SPLIT = [f"Q8_0/m-Q8_0-0000{part}-of-00003.gguf" for part in (1, 2, 3)]

CHOSEN: dict[str, tuple[list[str], list[str]]] = {
    "one file": ([*SETTINGS, "model.safetensors", *NOISE], [*SETTINGS, "model.safetensors"]),
    "shards and their index": ([*SETTINGS, *SHARDS, INDEX, *NOISE], [*SETTINGS, *SHARDS, INDEX]),
    "pickles beside safetensors": (
        [
            "model.safetensors",
            "pytorch_model.bin",
            "pytorch_model.bin.index.json",
            "training_args.bin",
            "flax_model.msgpack",
        ],
        ["model.safetensors"],
    ),
    "Llama: the vendor's layout below original/": (
        [*SETTINGS, *SHARDS, INDEX, "original/consolidated.00.pth", "original/params.json", "original/tokenizer.model"],
        [*SETTINGS, *SHARDS, INDEX],
    ),
    "gpt-oss: metal/ and original/": (
        ["config.json", *SHARDS, INDEX, "metal/model.bin", "original/model.safetensors", "original/config.json"],
        ["config.json", *SHARDS, INDEX],
    ),
    "Mistral: both layouts": (
        ["config.json", "params.json", "tekken.json", *SHARDS, INDEX, "consolidated.safetensors"],
        ["config.json", "params.json", "tekken.json", *SHARDS, INDEX],
    ),
    "Mistral: its own layout only": (
        [
            "params.json",
            "tekken.json",
            "consolidated-00001-of-00001.safetensors",
            "consolidated.safetensors.index.json",
        ],
        [
            "params.json",
            "tekken.json",
            "consolidated-00001-of-00001.safetensors",
            "consolidated.safetensors.index.json",
        ],
    ),
    "one file and the same in shards": (["model.safetensors", *SHARDS, INDEX], [*SHARDS, INDEX]),
    "another type beside": (["model.safetensors", "model.fp16.safetensors"], ["model.safetensors"]),
    "another type alone": (["model.fp16.safetensors"], ["model.fp16.safetensors"]),
    "parts of an earlier upload": (["model-00003-of-00003.safetensors", *SHARDS, INDEX], [*SHARDS, INDEX]),
    "Qwen's names": (
        ["model.safetensors-00001-of-00002.safetensors", "model.safetensors-00002-of-00002.safetensors", INDEX],
        ["model.safetensors-00001-of-00002.safetensors", "model.safetensors-00002-of-00002.safetensors", INDEX],
    ),
    "an extra head": ([*SHARDS, INDEX, "mtp.safetensors"], [*SHARDS, INDEX, "mtp.safetensors"]),
    "AutoGPTQ's name": (["quantize_config.json", "gptq_model-4bit-128g.safetensors"],) * 2,
    "tokenizers of every kind": (
        [
            "model.safetensors",
            *(kind := ["tokenizer.model", "tokenizer.model.v3", "qwen.tiktoken", "merges.txt", "vocab.txt"]),
        ],
        ["model.safetensors", *kind],
    ),
    "templates and processors": (
        [
            "model.safetensors",
            "chat_template.jinja",
            "additional_chat_templates/tools.jinja",
            "preprocessor_config.json",
        ],
        [
            "model.safetensors",
            "chat_template.jinja",
            "additional_chat_templates/tools.jinja",
            "preprocessor_config.json",
        ],
    ),
    "sentence-transformers": (["1_Pooling/config.json", "modules.json", "model.safetensors"],) * 2,
    "training leftovers": (
        ["model.safetensors", "trainer_state.json", "optimizer.pt", "runs/x/config.json"],
        ["model.safetensors"],
    ),
    "GGUF beside": (["model.safetensors", "model-Q4_K_M.gguf"], ["model.safetensors"]),
    "an adapter beside": (["model.safetensors", "adapter_model.safetensors"], ["model.safetensors"]),
    "code is left": (["model.safetensors", "modeling_x.py"], ["model.safetensors"]),
    "paths that leave the folder": (
        ["model.safetensors", "../config.json", "/etc/x.json", "a/../../b.json"],
        ["model.safetensors"],
    ),
}


@pytest.mark.parametrize(("files", "expected"), CHOSEN.values(), ids=CHOSEN.keys())
def test_chosen(files: list[str], expected: list[str]) -> None:
    assert select(files, Wish("vLLM")) == Selection(files=tuple(sorted(expected)))


WISHES: dict[str, tuple[list[str], Wish, list[str], str | None]] = {
    "trusted code": (
        ["model.safetensors", "modeling_x.py"],
        Wish("SGLang", trust_remote_code=True),
        ["model.safetensors", "modeling_x.py"],
        None,
    ),
    "allowed pickle with its index": (
        [*(bins := ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"]), "training_args.bin", "x.pt"],
        Wish("vLLM", allow_pickle=True),
        bins,
        None,
    ),
    "safetensors even where pickles are allowed": (
        ["model.safetensors", "pytorch_model.bin"],
        Wish("vLLM", allow_pickle=True),
        ["model.safetensors"],
        None,
    ),
    "the only GGUF": (
        ["README.md", "config.json", "m-Q4_K_M.gguf", "mmproj-m-f16.gguf", "m.imatrix.gguf"],
        Wish("LlamaCpp"),
        ["m-Q4_K_M.gguf"],
        "m-Q4_K_M.gguf",
    ),
    "a named GGUF": (["a.gguf", "b.gguf"], Wish("LlamaCpp", file="b.gguf"), ["b.gguf"], None),
    "a named split set": (["a.gguf", *SPLIT], Wish("LlamaCpp", file=SPLIT[0]), SPLIT, None),
    "GGUF for vLLM": (
        ["config.json", "tokenizer.json", "README.md", "model.safetensors", "a.gguf", "b.GGUF"],
        Wish("vLLM", file="b.GGUF"),
        ["config.json", "tokenizer.json", "b.GGUF"],
        None,
    ),
}


@pytest.mark.parametrize(("files", "wish", "expected", "link"), WISHES.values(), ids=WISHES.keys())
def test_wishes(files: list[str], wish: Wish, expected: list[str], link: str | None) -> None:
    assert select(files, wish) == Selection(files=tuple(sorted(expected)), gguf=link)


REFUSED: dict[str, tuple[list[str], Wish, str, list[str]]] = {
    "pickles only": (
        ["config.json", "pytorch_model.bin"],
        Wish("vLLM"),
        "UnsupportedModel",
        ["spec.model.allowPickle"],
    ),
    "nothing": (["README.md"], Wish("SGLang"), "UnsupportedModel", ["no weights", "spec.model.uri"]),
    "an adapter": (["adapter_model.safetensors"], Wish("vLLM"), "UnsupportedModel", ["adapter"]),
    "weights below a folder": (["unet/model.safetensors"], Wish("vLLM"), "UnsupportedModel", ["subfolders"]),
    "GGUF only, for vLLM": (["a.gguf"], Wish("vLLM"), "UnsupportedModel", ["LlamaCpp", "a.gguf"]),
    "a shard is missing": ([SHARDS[0], INDEX], Wish("vLLM"), "CheckpointCorrupt", ["1 of 2", "@commit"]),
    "several GGUF": (["a.gguf", "b.gguf"], Wish("LlamaCpp"), "UnsupportedModel", ["2 GGUF models", "a.gguf, b.gguf"]),
    "an unnamed split set": (SPLIT, Wish("LlamaCpp"), "UnsupportedModel", ["split into 3", SPLIT[0]]),
    "no GGUF": (["model.safetensors"], Wish("LlamaCpp"), "UnsupportedModel", ["no GGUF"]),
    "a named file that is not there": (
        ["a.gguf"],
        Wish("LlamaCpp", file="z.gguf"),
        "ModelNotFound",
        ["z.gguf", "a.gguf"],
    ),
    "a named file that is no GGUF": (["x.bin"], Wish("vLLM", file="x.bin"), "UnsupportedModel", ["x.bin", "GGUF"]),
    "a later part": (SPLIT, Wish("LlamaCpp", file=SPLIT[1]), "UnsupportedModel", ["first part", SPLIT[0]]),
    "a part is missing": (SPLIT[:2], Wish("LlamaCpp", file=SPLIT[0]), "CheckpointCorrupt", ["2 of 3"]),
    "a projector": (["m.gguf", "mmproj.gguf"], Wish("LlamaCpp", file="mmproj.gguf"), "UnsupportedModel", ["m.gguf"]),
}


@pytest.mark.parametrize(("files", "wish", "reason", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(files: list[str], wish: Wish, reason: str, words: list[str]) -> None:
    refused = select(files, wish)
    assert isinstance(refused, Unsuitable)
    assert refused.reason == reason
    assert all(word in refused.message for word in words), refused.message


_HOSTILE = ["../../x.json", "/abs.json", "./x.json", "a//b.json", "a\\b.json", ".cache/x.json"]
_OTHERS = ["mmproj.gguf", "pytorch_model.bin", "pytorch_model.bin.index.json", "x.pt", "code.py", "sub/x.safetensors"]
_MODELS = ["model.safetensors", "consolidated.safetensors", "a.gguf", "b.gguf", "adapter_model.safetensors"]
_names = st.sampled_from([*SETTINGS, *SHARDS, INDEX, *NOISE, *SPLIT, *_MODELS, *_OTHERS, *_HOSTILE])
_files = st.lists(_names | st.text(min_size=1, max_size=12), max_size=25)
_wishes = st.builds(
    Wish,
    engine=st.sampled_from(get_args(EngineType)),
    file=st.none() | _names,
    allow_pickle=st.booleans(),
    trust_remote_code=st.booleans(),
)


@given(_files, _wishes)
def test_properties(files: list[str], wish: Wish) -> None:
    chosen = select(files, wish)
    if isinstance(chosen, Unsuitable):
        assert chosen.message.endswith(".")
        return
    assert set(chosen.files) <= set(files)
    assert list(chosen.files) == sorted(set(chosen.files))
    for path in map(PurePosixPath, chosen.files):
        assert not path.is_absolute()
        assert ".." not in path.parts
    suffixes = {PurePosixPath(path).suffix.lower() for path in chosen.files}
    assert suffixes & {".safetensors", ".gguf", ".bin", ".pt"}, "there is always a model"
    assert len(suffixes & {".safetensors", ".gguf", ".bin", ".pt"}) == 1, "in one format"
    assert wish.allow_pickle or not suffixes & {".bin", ".pt"}
    assert wish.trust_remote_code or ".py" not in suffixes
    assert not wish.file or wish.file in chosen.files
    assert wish.engine != "LlamaCpp" or suffixes == {".gguf"}
    assert (chosen.gguf is not None) == (wish.engine == "LlamaCpp" and wish.file is None)


@given(_files, _wishes, st.randoms())
def test_order_does_not_matter(files: list[str], wish: Wish, random: Random) -> None:
    shuffled = list(files)
    random.shuffle(shuffled)
    assert select(shuffled, wish) == select(files, wish)
