"""What each engine accepts, one file per engine: plain data, checked in tests against the engine's own parser."""

from modelberth.api.engine_facts import EngineFacts
from modelberth.api.engine_tables import llama_cpp, sglang, vllm
from modelberth.api.spec import EngineType

FACTS: dict[EngineType, EngineFacts] = {facts.type: facts for facts in (vllm.FACTS, sglang.FACTS, llama_cpp.FACTS)}
