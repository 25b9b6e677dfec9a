"""Parameters of overheads from samples: medians, as a log in ten has a flag that nobody wrote down."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.planner.samples import Sample
from modelberth.api.engine_facts import Version
from modelberth.api.spec import EngineType
from modelberth.planner.overheads import (
    LOGIT_BYTES,
    Parameter,
    Profile,
    Profiles,
    dense_width,
    device_class,
    expert_width,
    forward_bytes,
    image_tokens,
    linked,
    parse_profiles,
    sampler_bytes,
    vision_bytes,
)
from modelberth.planner.plan import GIB

GRAPHS_COUNTED_SINCE = (0, 21)
LARGE_IMAGE = 1000
"""Tokens from which on a vision tower's peak shows."""


@dataclass(frozen=True)
class Pool:
    """Logs that share a parameter, and where the fit starts: what the engines' code makes one expect."""

    name: str
    start: float
    engine: EngineType = "vLLM"
    device: str = "any"
    since: Version = (0,)
    until: Version | None = None

    def holds(self, sample: Sample) -> bool:
        parameter = Parameter(self.name, self.engine, self.device, self.since, self.until, self.start)
        return parameter.holds(sample.engine, device_class(sample.gpu), sample.version)


POOLS = (
    # Hidden states, residual, input and output of the feed-forward layer, and a copy in its all-reduce.
    Pool("hidden", 5.0),
    Pool("hidden", 5.0, "SGLang"),
    # Logits in 16 and 32 bit, sorted ones, their indices in 64 bit, buffers of the sort, probabilities.
    Pool("sampler", 9.5, until=(0, 17)),
    # Since 0.17 nothing is sorted: https://github.com/vllm-project/vllm/pull/33538.
    Pool("sampler", 3.5, since=(0, 17)),
    # SGLang's sampler runs outside of what is profiled.
    Pool("sampler", 2.0, "SGLang"),
    Pool("image_token_kib", 250.0, until=(0, 11)),
    Pool("image_token_kib", 250.0, since=(0, 11)),
    Pool("image_token_kib", 250.0, "SGLang"),
    Pool("context_gib", 0.1, device="cuda", until=(0, 18)),
    Pool("context_gib", 0.25, device="cuda", since=(0, 18)),
    Pool("context_gib", 0.5, device="rocm"),
    Pool("context_gib", 2.0, device="unified"),
    Pool("context_gib", 0.6, "SGLang", "cuda"),
    Pool("context_gib", 0.6, "SGLang", "rocm"),
    Pool("context_gib", 6.0, "SGLang", "unified"),
    Pool("bus_gib", 0.25, until=(0, 19)),
    # 0.7 to 1.5 in logs of models that the table of facts does not have.
    Pool("bus_gib", 1.0, since=(0, 19)),
    Pool("bus_gib", 0.1, "SGLang"),
    Pool("link_gib", 1.25, until=(0, 19)),
    Pool("link_gib", 1.25, since=(0, 19)),
    Pool("link_gib", 0.5, "SGLang"),
    Pool("graphs_layer_mib", 20.0, device="cuda"),
    Pool("graphs_layer_mib", 20.0, device="unified"),
    # Not estimated on ROCm before 0.26.
    Pool("graphs_layer_mib", 0.0, device="rocm"),
    Pool("graphs_layer_mib", 20.0, "SGLang"),
)

Estimate = tuple[str, float]
"""Name and value of a parameter."""


def fit(samples: Iterable[Sample], first: Profiles) -> dict[str, Any]:
    """The content of profiles.json. ``first``: profiles that tell which peak a log shows."""
    every = [(sample, _estimates(sample, first)) for sample in samples]
    return {"parameters": [_record(pool, every) for pool in POOLS]}


def start() -> Profiles:
    """Profiles before any log is seen."""
    return parse_profiles({"parameters": [_record(pool, []) for pool in POOLS]})


def _record(pool: Pool, samples: list[tuple[Sample, list[Estimate]]]) -> dict[str, Any]:
    found = [
        (sample.source, value)
        for sample, estimates in samples
        if pool.holds(sample)
        for name, value in estimates
        if name == pool.name
    ]
    record: dict[str, Any] = {
        "name": pool.name,
        "engine": pool.engine,
        "device": pool.device,
        "since": list(pool.since),
        "until": list(pool.until) if pool.until else None,
        **_median(sorted(value for _, value in found), pool.start),
    }
    return record | ({"sources": sorted({source for source, _ in found})} if found else {})


def _median(numbers: list[float], start: float) -> dict[str, Any]:
    """The median, in which the start has a voice like a log, and the spread."""
    if not numbers:
        return {"value": start, "logs": 0}
    last = len(numbers) - 1
    return {
        "value": round(statistics.median([*numbers, start]), 3),
        "logs": len(numbers),
        "p10": round(numbers[last // 10], 3),
        "p90": round(numbers[last - last // 10], 3),
    }


def _estimates(sample: Sample, profiles: Profiles) -> list[Estimate]:
    """What one log says of parameters, where the others are as in ``profiles``."""
    profile = profiles.of(sample.engine, sample.gpu, sample.version)
    return [*_peaks(sample, profile), *_outside(sample, profile), *_graphs(sample, profile)]


def _peaks(sample: Sample, prior: Profile) -> list[Estimate]:
    """The parameter of the peak that the log shows: sampler, forward pass or vision tower."""
    if sample.activation is None:
        return []
    peak, model, batch = sample.activation * GIB, sample.model, sample.batch
    rules: dict[str, Callable[[], float]] = {
        "sampler": lambda: peak / (min(batch.sequences, batch.tokens) * model.vocab_size * LOGIT_BYTES),
        "hidden": lambda: (peak / batch.tokens / batch.element_bytes - _width(sample)) / model.hidden_size,
        "image_token_kib": lambda: peak * batch.tensor / image_tokens(model.model_type) / 2**10,
    }
    name = _highest(sample, prior)
    estimate = rules[name]()
    return [(name, estimate)] if estimate > 0 else []


def _width(sample: Sample) -> int:
    return max(dense_width(sample.model, sample.batch.tensor), expert_width(sample.model, sample.batch))


def _highest(sample: Sample, prior: Profile) -> str:
    model, batch = sample.model, sample.batch
    vision = vision_bytes(model, batch, prior) if image_tokens(model.model_type) > LARGE_IMAGE else 0
    peaks = {
        "sampler": sampler_bytes(model, batch, prior),
        "hidden": forward_bytes(model, batch, prior),
        "image_token_kib": vision,
    }
    return max(peaks, key=lambda name: peaks[name])


def _outside(sample: Sample, prior: Profile) -> list[Estimate]:
    together = "link_gib" if linked(sample.gpu) else "bus_gib"
    if sample.loading is not None and sample.gpus > 1:
        return [(together, max(sample.loading, 0.0)), *_context(sample.outside)]
    if sample.outside is None or sample.gpus == 1:
        return _context(sample.outside)
    return [(together, max(sample.outside - prior.context_gib, 0.0))]


def _context(outside: float | None) -> list[Estimate]:
    return [("context_gib", outside)] if outside is not None and outside >= 0 else []


def _activation(sample: Sample, prior: Profile) -> float:
    if sample.activation is not None:
        return sample.activation
    model, batch = sample.model, sample.batch
    peaks = (forward_bytes(model, batch, prior), sampler_bytes(model, batch, prior), vision_bytes(model, batch, prior))
    return max(peaks) / GIB


def _graphs(sample: Sample, prior: Profile) -> list[Estimate]:
    graphs = sample.graphs
    counted = sample.version >= GRAPHS_COUNTED_SINCE and device_class(sample.gpu) != "rocm"
    if graphs is None and sample.rest is not None and counted:
        outside = sample.outside if sample.outside is not None else prior.context_gib
        graphs = sample.rest - _activation(sample, prior) - outside
    if graphs is None or graphs <= 0 or sample.eager:
        return []
    return [("graphs_layer_mib", graphs * 2**10 / len(sample.model.layers))]
