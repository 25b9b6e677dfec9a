"""Memory besides weights and KV cache: activation peaks, what the driver and NCCL take, CUDA graphs.

The formulas are here, their parameters in profiles.json: fitted from public start-up logs by bench/fit_overheads.py.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from modelberth.api.engine_facts import Version
from modelberth.planner.model import Model

LOGIT_BYTES = 4
"""Samplers work in float32."""


@dataclass(frozen=True)
class Profile:
    """Parameters of one engine generation."""

    engine: str
    """vLLM V0, vLLM V1 or SGLang."""
    since: Version
    until: Version | None
    hidden: float
    """Copies of the hidden states of a batch that are alive at the peak, besides the feed-forward layer's."""
    sampler: float
    """Copies of the float32 logits that the sampler holds."""
    context_gib: float
    """Driver, kernels and libraries on one GPU, which the engine counts as its own."""
    communication_gib: float
    """Buffers of NCCL and custom all-reduce, where several GPUs work together."""
    graphs_gib: float
    """CUDA graphs, besides those per layer."""
    graphs_layer_mib: float
    """CUDA graphs per layer, in MiB."""

    def at(self, version: Version) -> bool:
        return self.since <= version and (self.until is None or version < self.until)


@dataclass(frozen=True)
class Batch:
    """The largest step that the engine runs."""

    tokens: int
    sequences: int
    element_bytes: int
    tensor: int
    """GPUs that share a feed-forward layer."""
    experts: int = 1
    """GPUs over which whole experts are spread."""


def profile_of(engine: str, version: Version) -> Profile:
    """The profile for a version; the newest where none is made for it."""
    profiles = _profiles()[engine]
    return next((profile for profile in profiles if profile.at(version)), profiles[-1])


@cache
def _profiles() -> dict[str, tuple[Profile, ...]]:
    found: dict[str, list[Profile]] = {}
    for record in json.loads((files(__package__) / "profiles.json").read_text())["profiles"]:
        since, until = tuple(record["since"]), record["until"]
        profile = Profile(record["engine"], since, tuple(until) if until is not None else None, **record["parameters"])
        found.setdefault(profile.engine, []).append(profile)
    return {engine: tuple(profiles) for engine, profiles in found.items()}


def activation_bytes(model: Model, batch: Batch, profile: Profile) -> int:
    """Peak of a step: the forward pass over all tokens, or the sampler over all sequences, whichever is larger."""
    return int(max(forward_bytes(model, batch, profile), sampler_bytes(model, batch, profile)))


def forward_bytes(model: Model, batch: Batch, profile: Profile) -> float:
    """Intermediate tensors of the widest layer: gate, up and their product, beside copies of the hidden states."""
    width = 3 * -(-model.intermediate_size // batch.tensor)
    return batch.tokens * (width + profile.hidden * model.hidden_size) * batch.element_bytes


def sampler_bytes(model: Model, batch: Batch, profile: Profile) -> float:
    """Logits of every sequence and what the sampler makes of them (sorted copies, indices, probabilities)."""
    return profile.sampler * min(batch.sequences, batch.tokens) * model.vocab_size * LOGIT_BYTES


def overhead_bytes(profile: Profile, gpus: int) -> int:
    """What is neither weights nor activations nor KV cache nor graphs."""
    return int((profile.context_gib + (profile.communication_gib if gpus > 1 else 0)) * 2**30)


def graph_bytes(model: Model, profile: Profile) -> int:
    """CUDA graphs of all batch sizes."""
    return int(profile.graphs_gib * 2**30 + profile.graphs_layer_mib * 2**20 * len(model.layers))
