"""Activation peaks, libraries and graphs: formulas beside what vLLM logged, and the data that they use."""

import json
from dataclasses import replace
from importlib.resources import files

import pytest

from modelberth.planner.gpus import Gpu, find_gpu
from modelberth.planner.overheads import (
    Batch,
    Profile,
    activation_bytes,
    device_class,
    expert_width,
    graph_bytes,
    image_tokens,
    linked,
    overhead_bytes,
    parse_profiles,
    shipped_profiles,
    vision_bytes,
)
from tests.planner.shapes import LLAMA_31_8B, QWEN_3_8B, QWEN_3_NEXT, model

GIB = 2**30


def gpu(label: str) -> Gpu:
    found = find_gpu(label)
    assert found is not None
    return found


def profile(version: tuple[int, ...], label: str = "NVIDIA-L4") -> Profile:
    return shipped_profiles().of("vLLM", gpu(label), version)


@pytest.mark.parametrize(
    ("config", "version", "batch", "logged"),
    [
        # Sampler: logits of all sequences, several times over.
        (LLAMA_31_8B, (0, 6, 5), Batch(2048, 256, 2, 1), 1.19),
        (QWEN_3_8B, (0, 10, 2), Batch(2048, 256, 2, 1), 1.40),
        (QWEN_3_NEXT, (0, 10, 2), Batch(8192, 1024, 2, 2), 5.58),
        # Forward pass: one sequence of 10,000 tokens through Qwen3-4B.
        (
            QWEN_3_8B | {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36},
            (0, 8, 5),
            Batch(10000, 1, 2, 1),
            0.74,
        ),
    ],
)
def test_logged_peaks(config: dict[str, object], version: tuple[int, ...], batch: Batch, logged: float) -> None:
    peak = activation_bytes(model(config), batch, profile(version)) / GIB
    assert peak == pytest.approx(logged, rel=0.05)


def test_a_sampler_that_does_not_sort() -> None:
    batch = Batch(2048, 256, 2, 1)
    assert activation_bytes(model(QWEN_3_8B), batch, profile((0, 17))) < 0.5 * activation_bytes(
        model(QWEN_3_8B), batch, profile((0, 16))
    )


def test_experts_are_wide() -> None:
    read = model(QWEN_3_NEXT)
    cut, whole = Batch(1, 1, 2, tensor=8), Batch(1, 1, 2, tensor=8, expert_tensor=1)
    assert expert_width(read, cut) == 10 * (2048 + 64)
    assert expert_width(read, whole) == 10 * (2048 + 512)
    assert expert_width(model(LLAMA_31_8B), cut) == 0


def test_images() -> None:
    seeing = replace(model(LLAMA_31_8B), multimodal=True, model_type="qwen2_5_vl")
    batch, chosen = Batch(2048, 256, 2, 1), profile((0, 8, 5))
    assert vision_bytes(seeing, batch, chosen) > 3 * GIB
    assert vision_bytes(seeing, replace(batch, images=False), chosen) == 0
    assert vision_bytes(model(LLAMA_31_8B), batch, chosen) == 0
    assert image_tokens("gemma3") < 1000


@pytest.mark.parametrize(
    ("label", "kind", "joined"),
    [
        ("NVIDIA-L40S", "cuda", False),
        ("NVIDIA-A100-SXM4-80GB", "cuda", True),
        ("NVIDIA-A100-PCIE-40GB", "cuda", False),
        ("NVIDIA-H100-80GB-HBM3", "cuda", True),
        ("NVIDIA-H200", "cuda", True),
        ("NVIDIA-GeForce-RTX-4090", "cuda", False),
        ("NVIDIA-GB10", "unified", False),
        ("AMD_Instinct_MI300X_OAM", "rocm", True),
        ("AMD_Radeon_PRO_W7900", "rocm", False),
    ],
)
def test_classes_of_devices(label: str, kind: str, joined: bool) -> None:
    assert device_class(gpu(label)) == kind
    assert linked(gpu(label)) is joined


def test_several_gpus_cost_buffers() -> None:
    chosen = profile((0, 10, 2))
    alone = overhead_bytes(chosen, 1, gpu("NVIDIA-L40S"))
    assert alone < overhead_bytes(chosen, 2, gpu("NVIDIA-L40S")) < overhead_bytes(chosen, 2, gpu("NVIDIA-H200"))
    assert graph_bytes(model(QWEN_3_8B), chosen) > 0


@pytest.mark.parametrize("engine", ["vLLM", "SGLang"])
@pytest.mark.parametrize("label", ["NVIDIA-L4", "NVIDIA-GB10", "AMD_Instinct_MI300X_OAM"])
@pytest.mark.parametrize("version", [(0, 1), (0, 17, 1), (0, 18), (0, 99)])
def test_every_version_has_a_profile(engine: str, label: str, version: tuple[int, ...]) -> None:
    chosen = shipped_profiles().of(engine, gpu(label), version)  # type: ignore[arg-type]
    assert all(value >= 0 for value in vars(chosen).values())


def test_parameters_name_their_logs() -> None:
    record = json.loads((files("modelberth.planner") / "profiles.json").read_text())
    for entry in record["parameters"]:
        assert bool(entry.get("sources")) is (entry["logs"] > 0)
        assert entry["logs"] == 0 or entry["p10"] <= entry["p90"]
    assert parse_profiles(record) == shipped_profiles()
