"""Which files of a repository an engine needs: pure, from their names alone.

A repository often holds the same weights several times (safetensors, pickle, GGUF, ONNX, the vendor's own format).
One copy is downloaded, safetensors first: unpickling runs code, and every duplicate costs minutes and disk.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from modelberth.api.spec import EngineType
from modelberth.ports.hub_problems import Reason
from modelberth.ports.model_files import gguf_files


@dataclass(frozen=True)
class Wish:
    """What the spec says about the files of its model."""

    engine: EngineType
    file: str | None = None
    """The one file that the URI names (a GGUF), relative to the repository."""
    allow_pickle: bool = False
    trust_remote_code: bool = False


@dataclass(frozen=True)
class Selection:
    """What to download."""

    files: tuple[str, ...]
    """Sorted paths, relative to the repository."""
    gguf: str | None = None
    """LlamaCpp without a named file: what DIR/model.gguf must lead to."""


@dataclass(frozen=True)
class Unsuitable:
    """Why no selection can work, and the way out."""

    reason: Reason
    message: str


# Weights in other formats, or a second copy in the vendor's own layout (Llama: original/, gpt-oss: metal/).
_FOREIGN_FOLDERS = {"original", "metal", "onnx", "openvino", "coreml", "tf", "flax", "gguf", "tensorrt", "runs", "logs"}

_SETTINGS = re.compile(
    r"""(
      .+\.json | .+\.jinja | .+\.tiktoken | .+\.spm
    | (tokenizer|spiece|sentencepiece|sentencepiece\.bpe|source|target)\.model(\.v\d+.*)?
    | (merges|dict|added_tokens)\.txt | vocab\..+ | bpe\.codes
    )""",
    re.VERBOSE,
)
# Leftovers of training; and indices, which come with the weights they index.
_NOT_SETTINGS = re.compile(
    r"(trainer_state|training_args|all_results|eval_results|train_results|optimizer|scheduler)\.json|.+\.index\.json"
)
_NOT_THE_MODEL = re.compile(r"(adapter_model|optimizer|scheduler|rng_state|training_args|random_states|lora).*")
_MAIN = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
# model.fp16.safetensors beside model.safetensors: the same weights in another type.
_VARIANT = re.compile(r"model\.(fp16|fp32|bf16|int8|int4|fp8|ema|non_ema)([-.].+)?\.safetensors")
_SHARD = re.compile(r"(?P<stem>.*?)-(?P<part>\d{5})-of-(?P<parts>\d{5})(?P<rest>\.[a-z]+)")
_PICKLES = (".bin", ".pt", ".pth")


def select(files: Iterable[str], wish: Wish) -> Selection | Unsuitable:
    """The files of the repository to download for this wish, or why that cannot work.

    ``files`` are all paths of the repository. Paths that could leave the target folder are never selected.
    """
    paths = sorted({path for path in files if is_plain(path)})
    if wish.engine == "LlamaCpp":
        return _for_llama_cpp(paths, wish)
    settings = _settings(paths, wish.trust_remote_code)
    if wish.file is not None:
        chosen = gguf_files.named(paths, wish.file)
        return Unsuitable(*chosen) if isinstance(chosen, tuple) else _selection([*settings, *chosen.parts])
    weights = _weights(paths, wish)
    if not isinstance(weights, Unsuitable):
        weights = _whole_sets(weights)
    if isinstance(weights, Unsuitable):
        return weights
    indices = {f"{_stem(path)}.index.json" for path in weights}
    return _selection([*settings, *weights, *indices.intersection(paths)])


def _for_llama_cpp(paths: list[str], wish: Wish) -> Selection | Unsuitable:
    if wish.file is not None:
        chosen = gguf_files.named(paths, wish.file)
        return Unsuitable(*chosen) if isinstance(chosen, tuple) else Selection(files=chosen.parts)
    only = gguf_files.only(paths)
    if isinstance(only, tuple):
        return Unsuitable(*only)
    return Selection(files=only.parts, gguf=only.parts[0])


def _selection(paths: Iterable[str]) -> Selection:
    return Selection(files=tuple(sorted(set(paths))))


def is_plain(path: str) -> bool:
    """A relative path that stays inside its folder, without hidden parts (.gitattributes, .cache/...)."""
    if not path or "\\" in path or any(ord(char) < 32 for char in path):
        return False
    return str(PurePosixPath(path)) == path and not any(
        part.startswith((".", "/")) for part in PurePosixPath(path).parts
    )


def _settings(paths: list[str], with_code: bool) -> list[str]:
    """Configuration, tokenizer and templates, in subfolders too (1_Pooling/config.json); code where it is trusted."""
    found = []
    for path in paths:
        *folders, name = path.split("/")
        if folders and folders[0] in _FOREIGN_FOLDERS:
            continue
        if name.endswith(".py"):
            if with_code:
                found.append(path)
        elif _SETTINGS.fullmatch(name) and not _NOT_SETTINGS.fullmatch(name):
            found.append(path)
    return found


def _weights(paths: list[str], wish: Wish) -> list[str] | Unsuitable:
    """One copy of the weights at the top of the repository: engines do not look into subfolders."""
    top = [path for path in paths if "/" not in path]
    safetensors = _one_copy([path for path in top if path.endswith(".safetensors") and not _NOT_THE_MODEL.match(path)])
    if safetensors:
        return safetensors
    pickles = _pickles(top)
    if pickles and wish.allow_pickle:
        return pickles
    if pickles:
        return Unsuitable(
            "UnsupportedModel",
            f"The repository has no safetensors, only pickle files ({pickles[0]}, ...), and unpickling runs code. "
            "If you trust the repository, set spec.model.allowPickle: true; better, use a safetensors conversion.",
        )
    return Unsuitable("UnsupportedModel", _why_no_weights(paths, wish.engine))


def _one_copy(safetensors: list[str]) -> list[str]:
    """Without the copies: consolidated* (the vendor's layout), other types, one file beside the same in shards."""
    kept = safetensors
    if any(path.startswith("model") for path in kept):
        kept = [path for path in kept if not path.startswith("consolidated")]
    if any(_MAIN.fullmatch(path) for path in kept):
        kept = [path for path in kept if not _VARIANT.fullmatch(path)]
    sharded = {_stem(path) for path in kept if _SHARD.fullmatch(path)}
    return [path for path in kept if path not in sharded]


def _pickles(top: list[str]) -> list[str]:
    for suffix in _PICKLES:
        found = [path for path in top if path.endswith(suffix) and not _NOT_THE_MODEL.match(path)]
        if found:
            return found
    return []


def _why_no_weights(paths: list[str], engine: EngineType) -> str:
    if any(path.lower().endswith(".gguf") for path in paths):
        return (
            f"The repository has GGUF files only, and {engine} was not told which. Use spec.engine.type: LlamaCpp, "
            f"or name one file in spec.model.uri: {gguf_files.listing(paths)}."
        )
    if any(path.startswith("adapter_model.") for path in paths):
        return "The repository holds an adapter (LoRA), no model. Name the base or a merged model in spec.model.uri."
    if any(path.endswith(".safetensors") for path in paths):
        return "The repository has safetensors in subfolders only, where no engine looks. Use one with them at its top."
    return f"The repository has no weights that {engine} can load (*.safetensors). Check spec.model.uri."


def _whole_sets(weights: list[str]) -> list[str] | Unsuitable:
    """Without parts left over from an earlier upload (1 of 3 beside 2 of 2); refused when no set is whole."""
    sets: dict[str, dict[int, list[str]]] = {}
    for path in weights:
        if match := _SHARD.fullmatch(path):
            sets.setdefault(_stem(path), {}).setdefault(int(match["parts"]), []).append(path)
    dropped: set[str] = set()
    for stem, by_parts in sets.items():
        # Counted, not numbered: most start at 1, some at 0.
        partial = {parts: paths for parts, paths in by_parts.items() if len(paths) < parts}
        if len(partial) == len(by_parts):
            parts, there = max(partial.items())
            return Unsuitable(
                "CheckpointCorrupt",
                f"The repository holds {len(there)} of {parts} parts of {stem} ({there[0]}, ...): its upload is not "
                "complete. Name another revision in spec.model.uri (hf://org/name@commit).",
            )
        dropped.update(path for paths in partial.values() for path in paths)
    return [path for path in weights if path not in dropped]


def _stem(path: str) -> str:
    """The name that an index goes by: model-00001-of-00002.safetensors -> model.safetensors."""
    match = _SHARD.fullmatch(path)
    if match is None:
        return path
    # Qwen also writes model.safetensors-00001-of-00002.safetensors.
    return match["stem"] if match["stem"].endswith(match["rest"]) else match["stem"] + match["rest"]
