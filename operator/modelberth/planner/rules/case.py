"""What a rule looks at: one ModelDeployment, its model and its GPU."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from modelberth.api.engine_facts import Version
from modelberth.api.finding import Finding
from modelberth.api.spec import Spec
from modelberth.planner.arguments import Arguments
from modelberth.planner.gpus import Gpu
from modelberth.planner.model import Model
from modelberth.planner.plan import UNSUPPORTED
from modelberth.planner.request import PlanRequest
from modelberth.planner.rules.checkpoint import kind_of_checkpoint, kind_of_word, quantization_section

Capability = tuple[int, int]

NOT_IN_RELEASE = "NotInRelease"
"""Reason of a finding: the engine's own release of that version cannot; an image of somebody else's may."""

_RELEASES = ("vllm-openai", "sglang")
"""Names of the engines' own images, wherever they are mirrored."""


@dataclass(frozen=True)
class Case:
    """The question and what was read for it."""

    request: PlanRequest
    model: Model
    gpu: Gpu | None
    """None on device CPU."""

    @property
    def spec(self) -> Spec:
        return self.request.spec

    @property
    def engine(self) -> str:
        return self.spec.engine.type

    @property
    def version(self) -> Version:
        return self.request.engine_version

    @property
    def is_release(self) -> bool:
        """Whether the image is the engine's own, or the chart's."""
        image = self.spec.engine.image
        return image is None or image.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0] in _RELEASES

    @property
    def engine_label(self) -> str:
        """vLLM 0.18.0"""
        return f"{self.engine} {'.'.join(map(str, self.version))}"

    @property
    def capability(self) -> Capability | None:
        """Compute capability of an NVIDIA GPU, where it is known."""
        return self.gpu.compute_capability if self.gpu is not None else None

    @property
    def amd(self) -> bool:
        return self.gpu is not None and self.gpu.vendor == "amd"

    @cached_property
    def arguments(self) -> Arguments:
        return Arguments(self.spec.engine.args, self.spec.engine.env)

    @cached_property
    def section(self) -> Mapping[str, Any] | None:
        """quantization_config of the checkpoint, None where it is not quantized."""
        return quantization_section(self.request.files.config or {})

    @cached_property
    def kind(self) -> str:
        """How the engine holds the weights: awq, gptq, fp8, nvfp4, ...; none for 16 bit."""
        if self.section is not None:
            return kind_of_checkpoint(self.section)
        return kind_of_word(self.spec.quantization)

    @property
    def kind_field(self) -> str:
        """Where that was said."""
        return "spec.quantization" if self.section is None else "spec.model.uri"

    def below(self, capability: Capability) -> str:
        """ "Tesla-T4 has 7.5" where the GPU is known to have less compute capability, else empty."""
        own = self.capability
        return f"{self.gpu.label} has {number(own)}" if self.gpu and own and own < capability else ""


def number(capability: Capability) -> str:
    return f"{capability[0]}.{capability[1]}"


def refused(field: str, message: str) -> Finding:
    """The engine would exit."""
    return Finding(field, message, UNSUPPORTED)


def not_in_release(case: Case, field: str, message: str) -> Finding:
    """A release would exit. Forks and plugins may not: makers of models publish forks first, and Qwen3-Omni ran on a
    vLLM 0.9.2 of their own."""
    return refused(field, message) if case.is_release else Finding(field, message, NOT_IN_RELEASE)
