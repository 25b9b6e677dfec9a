"""Memory besides weights and KV cache: activation peaks, what drivers and libraries take, CUDA graphs.

The formulas are here; their parameters are in profiles.json, fitted from public start-up logs by
bench/fit_overheads.py, with the sources and the spread of each.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal

from modelberth.api.engine_facts import Version
from modelberth.api.spec import EngineType
from modelberth.planner.gpus import Gpu
from modelberth.planner.model import Model

DeviceClass = Literal["cuda", "rocm", "unified"]
"""Unified: CPU and GPU share one memory, so what the rest of the machine takes counts too."""

LOGIT_BYTES = 4
"""Samplers work in float32."""

IMAGE_TOKENS = (("qwen", 16384), ("internvl", 3328), ("llava", 2880), ("phi3_v", 2509), ("pixtral|mistral3", 3025))
"""Tokens of the largest image that a family's processor lets through, by model_type; most others make less than 300.
Qwen: max_pixels 12,845,056 / 28 / 28, https://huggingface.co/Qwen/Qwen2.5-VL-7B-Instruct/blob/main/preprocessor_config.json
"""
FEW_IMAGE_TOKENS = 280

_UNIFIED = re.compile("GB10|Jetson|Orin|Thor")
_LINKED = re.compile("SXM|HBM3|[ABH]100-80GB-HBM|H20\\b|H[128]00|B[23]00|GH200|Instinct")
"""Labels of GPUs that NVLink or xGMI joins: buffers of collectives are larger there."""


@dataclass(frozen=True)
class Profile:
    """Parameters of one version of an engine on one class of devices."""

    hidden: float
    """Copies of the hidden states of a batch that are alive at the peak, besides the feed-forward layer's."""
    sampler: float
    """Copies of the float32 logits that the sampler holds."""
    image_token_kib: float
    """Peak of the vision tower per token of an image, in KiB."""
    context_gib: float
    """Drivers, kernels and libraries on one GPU, as far as the engine counts them."""
    bus_gib: float
    """Buffers of collectives over PCIe, where several GPUs work together."""
    link_gib: float
    """The same over NVLink or xGMI."""
    graphs_layer_mib: float
    """CUDA graphs of one layer, in MiB."""


@dataclass(frozen=True)
class Batch:
    """The largest step that the engine runs."""

    tokens: int
    sequences: int
    element_bytes: int
    tensor: int
    """GPUs that share a feed-forward layer."""
    expert_tensor: int | None = None
    """GPUs that share an expert, 1 where experts are spread whole; None: ``tensor``."""
    expert_tokens: int | None = None
    """Tokens that go through the experts at once, where those of all data ranks are gathered; None: ``tokens``."""
    images: bool = True
    """Whether a multimodal model's tower is run."""


@dataclass(frozen=True)
class Parameter:
    """A parameter's value for a range of versions of an engine on a class of devices."""

    name: str
    engine: str
    device: str
    """A DeviceClass, or any."""
    since: Version
    until: Version | None
    value: float

    def holds(self, engine: str, device: DeviceClass, version: Version) -> bool:
        alike = self.engine == engine and self.device in (device, "any")
        return alike and self.since <= version and (self.until is None or version < self.until)


@dataclass(frozen=True)
class Profiles:
    """All parameters, each with ranges of its own."""

    parameters: tuple[Parameter, ...]

    def of(self, engine: EngineType, gpu: Gpu | None, version: Version) -> Profile:
        """The profile of an engine's version on a device."""
        return _profile(self, engine, device_class(gpu), version)


@lru_cache(maxsize=256)
def _profile(profiles: Profiles, engine: EngineType, device: DeviceClass, version: Version) -> Profile:
    fitting = {one.name: one.value for one in reversed(profiles.parameters) if one.holds(engine, device, version)}
    return Profile(**fitting)


def parse_profiles(record: Mapping[str, Any]) -> Profiles:
    """Profiles from the content of profiles.json; of parameters that hold for the same thing the first counts."""
    return Profiles(
        tuple(
            Parameter(
                name=entry["name"],
                engine=entry["engine"],
                device=entry["device"],
                since=tuple(entry["since"]),
                until=tuple(entry["until"]) if entry["until"] is not None else None,
                value=entry["value"],
            )
            for entry in record["parameters"]
        )
    )


@cache
def shipped_profiles() -> Profiles:
    """Those that come with the planner."""
    return parse_profiles(json.loads((files(__package__) / "profiles.json").read_text()))


def device_class(gpu: Gpu | None) -> DeviceClass:
    """By what a GPU shares with the rest of the machine."""
    if gpu is None:
        return "cuda"
    if gpu.vendor == "amd":
        return "rocm"
    return "unified" if _UNIFIED.search(gpu.label) else "cuda"


def linked(gpu: Gpu | None) -> bool:
    """Whether GPUs of this kind are joined by more than PCIe."""
    return gpu is not None and _LINKED.search(gpu.label) is not None and "PCIe" not in gpu.label


def activation_bytes(model: Model, batch: Batch, profile: Profile) -> int:
    """Peak of a step: forward pass over all tokens, sampler over all sequences or vision tower; they come in turn."""
    forward, sampler = forward_bytes(model, batch, profile), sampler_bytes(model, batch, profile)
    return int(max(forward, sampler, vision_bytes(model, batch, profile)))


def forward_bytes(model: Model, batch: Batch, profile: Profile) -> float:
    """Intermediate tensors of the widest layer beside copies of the hidden states."""
    dense = batch.tokens * dense_width(model, batch.tensor)
    experts = (batch.expert_tokens or batch.tokens) * expert_width(model, batch)
    return (max(dense, experts) + batch.tokens * profile.hidden * model.hidden_size) * batch.element_bytes


def dense_width(model: Model, tensor: int) -> int:
    """Elements per token of a dense feed-forward layer: gate, up and their product."""
    return 3 * -(-model.intermediate_size // tensor)


def expert_width(model: Model, batch: Batch) -> int:
    """Elements per token of the experts: both buffers of the fused kernel, a row for every expert of the token.

    https://github.com/vllm-project/vllm/blob/v0.10.2/vllm/model_executor/layers/fused_moe/fused_moe.py
    (intermediate_cache13, intermediate_cache2)
    """
    if not model.experts:
        return 0
    inner = -(-model.expert_inner_dim // (batch.expert_tensor or batch.tensor))
    return model.experts_per_token * (max(2 * inner, model.hidden_size) + inner)


def sampler_bytes(model: Model, batch: Batch, profile: Profile) -> float:
    """Logits of every sequence and what the sampler makes of them (sorted copies, indices, probabilities)."""
    return profile.sampler * min(batch.sequences, batch.tokens) * model.vocab_size * LOGIT_BYTES


def vision_bytes(model: Model, batch: Batch, profile: Profile) -> float:
    """The vision tower over the largest image; its layers are cut like those of the text model."""
    if not model.multimodal or not batch.images:
        return 0
    return image_tokens(model.model_type) * profile.image_token_kib * 2**10 / batch.tensor


def image_tokens(model_type: str) -> int:
    """Tokens of the largest image."""
    return next((tokens for name, tokens in IMAGE_TOKENS if re.match(name, model_type)), FEW_IMAGE_TOKENS)


def overhead_bytes(profile: Profile, gpus: int, gpu: Gpu | None) -> int:
    """What is neither weights nor activations nor KV cache nor graphs. ``gpus``: that work together."""
    together = (profile.link_gib if linked(gpu) else profile.bus_gib) if gpus > 1 else 0
    return int((profile.context_gib + together) * 2**30)


def graph_bytes(model: Model, profile: Profile) -> int:
    """CUDA graphs of all batch sizes."""
    return int(profile.graphs_layer_mib * 2**20 * len(model.layers))
