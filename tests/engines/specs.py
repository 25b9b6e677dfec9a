"""Specs for the engine tests: every field at several values, on both devices, and a strategy that mixes them."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from modelberth.api.engine_facts import names_at
from modelberth.api.engine_tables import FACTS
from modelberth.api.spec import EngineType, Spec
from modelberth.engines.engine import Berth
from modelberth.planner.plan import GIB, Launch

ENGINE_TYPES: tuple[EngineType, ...] = ("vLLM", "SGLang", "LlamaCpp")
MODEL_PATH = "/models/model.gguf"
MEMORY_LIMIT = 8 * GIB
LAUNCH = Launch(0.85, 3 * GIB, 24576)
SECRET = "llama3-keys"

Document = dict[str, Any]


def berth(document: Document, version: tuple[int, ...] | None = None) -> Berth:
    """The document as the operator hands it to an engine, with LAUNCH as its plan."""
    spec = Spec.model_validate(document)
    return Berth(
        name="llama3",
        spec=spec,
        model_path=MODEL_PATH,
        version=version or FACTS[spec.engine.type].newest,
        budget=LAUNCH,
    )


def document(engine: EngineType, **fields: Any) -> Document:
    """A valid spec of the engine with the fields given by their names in the resource."""
    return {
        "model": {"uri": "hf://org/name"},
        "engine": {"type": engine},
        "resources": {"limits": {"memory": str(MEMORY_LIMIT), "cpu": "1500m"}},
        **fields,
    }


def values(engine: EngineType) -> dict[str, list[Any]]:
    """Every field that shapes the command line, with values that the newest version of the engine takes."""
    facts = FACTS[engine]
    is_llama = engine == "LlamaCpp"
    return {
        "model": [
            {"uri": "hf://org/name"},
            {"uri": "hf://org/name", "servedName": "org/Name-7B:v1.5@x", "trustRemoteCode": not is_llama},
        ],
        "quantization": list(names_at(facts.quantizations, facts.newest)),
        "dtype": ["auto"] if is_llama else ["auto", "half", "bfloat16", "float32"],
        "parallelism": [
            {"tensor": 1},
            {"tensor": 2},
            {"pipeline": 2},
            *([] if is_llama else [{"data": 2}, {"tensor": 4, "pipeline": 2, "data": 2}]),
        ],
        "gpuMemoryUtilization": [0.9, 0.5, 1, 0.333],
        "maxModelLen": [None, 1, 4096, 131072],
        "maxNumSeqs": [None, 1, 64],
        "kvCacheDtype": list(names_at(facts.kv_cache_dtypes, facts.newest)),
        "apiKeySecretRef": [None] if engine == "SGLang" else [None, {"name": SECRET, "key": "key"}],
        "device": ["GPU", "CPU"],
    }


def every_value(engine: EngineType) -> Iterator[Document]:
    """Each value of each field alone on both devices, then the last values of all fields together."""
    fields = values(engine)
    for device in fields["device"]:
        for name, choices in fields.items():
            for value in choices:
                yield document(engine, **{"device": device, name: value})
        yield document(engine, **{name: choices[-1] for name, choices in fields.items()} | {"device": device})


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any valid spec of any engine."""
    engine = draw(st.sampled_from(ENGINE_TYPES))
    chosen = {name: draw(st.sampled_from(choices)) for name, choices in values(engine).items()}
    chosen["maxModelLen"] = draw(st.none() | st.integers(1, 100_000_000))
    chosen["maxNumSeqs"] = draw(st.none() | st.integers(1, 65536))
    chosen["gpuMemoryUtilization"] = draw(st.floats(0.01, 1))
    return document(engine, **chosen)
