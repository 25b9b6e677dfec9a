"""Engines that say what a test wants."""

import asyncio
from dataclasses import dataclass, field

from modelberth.ports.engine_metrics import EngineMetricsError


@dataclass
class FakeEngineMetrics:
    """Every engine says ``text`` after ``seconds``, unless ``texts`` has its address; None is no answer."""

    text: str | None = None
    texts: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    """``address:port/path`` of every question."""
    open: int = 0
    """Questions that are not answered yet."""

    async def read(self, address: str, port: int, path: str) -> str:
        self.asked.append(f"{address}:{port}{path}")
        self.open += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.open -= 1
        text = self.texts.get(address, self.text)
        if text is None:
            raise EngineMetricsError(f"{address} does not answer")
        return text


def vllm_says(tokens: int, concurrency: float = 2.0) -> str:
    """vLLM's metrics, as far as they tell the size of the KV cache."""
    labels = f'engine="0",kv_cache_size_tokens="{tokens}",kv_cache_max_concurrency="{concurrency}"'
    return f"# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{{{labels}}} 1.0\n"


def vllm_loaded(running: int, waiting: int = 0, finished: int = 0) -> str:
    """vLLM's metrics, as far as they tell its load."""
    return (
        f'vllm:num_requests_running{{engine="0"}} {running}\n'
        f'vllm:num_requests_waiting{{engine="0"}} {waiting}\n'
        f'vllm:kv_cache_usage_perc{{engine="0"}} 0.1\n'
        f'vllm:request_success_total{{engine="0"}} {finished}\n'
    )
