"""The catalogue of GPUs: what finds an entry, what overrules it, and what a person may write."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.finding import Finding
from modelberth.api.spec import Gpu as GpuSpec
from modelberth.planner.gpu_names import parse_name
from modelberth.planner.gpus import Gpu, bigger_than, catalogue, find_gpu, gpu_of, mig_slice, products
from modelberth.planner.plan import UNKNOWN_GPU

OBSERVATIONS = os.environ.get("GPU_OBSERVATIONS", "")


def known(**fields: Any) -> Gpu:
    found = gpu_of(GpuSpec.model_validate(fields))
    assert isinstance(found, Gpu), found
    return found


def unknown(**fields: Any) -> Finding:
    found = gpu_of(GpuSpec.model_validate(fields))
    assert isinstance(found, Finding), found
    assert found.reason == UNKNOWN_GPU
    return found


@pytest.mark.parametrize(
    ("label", "expected", "memory_gib"),
    [
        ("NVIDIA-L4", "NVIDIA-L4", 22.03),
        ("NVIDIA-GeForce-RTX-4090", "NVIDIA-GeForce-RTX-4090", 23.65),
        ("nvidia-geforce-rtx-4090-shared", "NVIDIA-GeForce-RTX-4090", 23.65),
        ("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-80GB-HBM3", 79.19),
        ("NVIDIA-GH200-480GB", "NVIDIA-GH200-480GB", 94.5),
        ("nvidia-tesla-t4", "Tesla-T4", 14.56),
        ("nvidia-h100-mega-80gb", "NVIDIA-H100-80GB-HBM3", 79.19),
        ("a10g", "NVIDIA-A10G", 21.98),
        ("AMD_Instinct_MI300X_VF", "AMD_Instinct_MI300X_OAM", 191.69),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", 4.75),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb.me-SHARED", "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 9.5),
        ("NVIDIA-H200-MIG-2g.35gb", "NVIDIA-H200-MIG-2g.35gb", 32.5),
    ],
)
def test_labels(label: str, expected: str, memory_gib: float) -> None:
    gpu = find_gpu(label)
    assert gpu is not None
    assert (gpu.label, gpu.memory_gib) == (expected, memory_gib)


@pytest.mark.parametrize(
    "label",
    [
        "",
        "NVIDIA",
        "NVIDIA-L4-MIG-1g.5gb",
        "NVIDIA-A100-SXM4-80GB-MIG-1g.5gb",
        "NVIDIA-MIG-1g.5gb",
        # Karpenter says the same of the cards with 40 and with 80 GB, with 16 and with 32.
        "a100",
        "v100",
    ],
)
def test_what_does_not_name_one_gpu(label: str) -> None:
    assert find_gpu(label) is None


def test_no_label_names_two_gpus() -> None:
    labels = Counter(label.lower() for product in products() for label in (product.gpu.label, *product.aliases))
    assert [label for label, count in labels.items() if count > 1] == []


def test_entries_are_sound() -> None:
    for product in products():
        gpu = product.gpu
        assert product.names, gpu.label
        # A driver keeps up to 13 % (ECC of GDDR6) and reports GB as GiB; B200 is sold as 180 to 192 GB.
        assert 0.85 < gpu.memory_gib / product.size_gb < 1.01, gpu.label
        assert (gpu.vendor == "nvidia") == (gpu.compute_capability is not None), gpu.label
        assert gpu.bf16 or not gpu.fp8, gpu.label
        assert gpu.fp8 or not gpu.fp4, gpu.label
        assert all(0 < memory <= gpu.memory_gib for memory in product.slices.values()), gpu.label
        for profile in product.slices:
            part = mig_slice(product, profile)
            assert part is not None
            assert find_gpu(part.label) == part


@pytest.mark.parametrize(
    ("label", "bf16", "fp8", "fp4"),
    [
        ("Tesla-T4", False, False, False),
        ("NVIDIA-A100-SXM4-80GB", True, False, False),
        ("NVIDIA-L4", True, True, False),
        ("NVIDIA-B200", True, True, True),
        ("AMD_Instinct_MI210", True, False, False),
        ("AMD_Instinct_MI300X_OAM", True, True, False),
        ("AMD_Instinct_MI355_OAM", True, True, True),
    ],
)
def test_types(label: str, bf16: bool, fp8: bool, fp4: bool) -> None:
    gpu = find_gpu(label)
    assert gpu is not None
    assert (gpu.bf16, gpu.fp8, gpu.fp4) == (bf16, fp8, fp4)


def test_a_slice_by_its_resource() -> None:
    gpu = known(type="NVIDIA-A100-SXM4-80GB", resourceName="nvidia.com/mig-1g.10gb")
    assert (gpu.memory_gib, gpu.compute_capability, gpu.price_class) == (9.5, (8, 0), 0)


def test_a_slice_by_its_label_and_its_resource() -> None:
    gpu = known(type="NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", resourceName="nvidia.com/mig-1g.10gb.me")
    assert gpu.memory_gib == 9.5


def test_a_slice_that_the_gpu_does_not_have() -> None:
    spec = {"type": "NVIDIA-A100-SXM4-80GB", "resourceName": "nvidia.com/mig-1g.5gb"}
    assert unknown(**spec).field == "spec.gpu.resourceName"
    assert known(**spec, memoryGiB=4.75).memory_gib == 4.75


def test_an_unknown_label_names_near_ones_and_the_way_out() -> None:
    finding = unknown(type="NVIDIA-A100-SXM-80GBs")
    assert finding.field == "spec.gpu.type"
    assert "NVIDIA-A100-SXM4-80GB" in finding.message
    assert "gpu.memoryGiB" in finding.message


def test_a_label_that_nothing_resembles() -> None:
    assert unknown(type="zzz").message.startswith("zzz is not in the catalogue of GPUs; set gpu.memoryGiB ")
    assert "NVIDIA-L40S; use such a label, or set gpu.memoryGiB " in unknown(type="NVIDIA-L44").message


def test_no_gpu_named() -> None:
    finding = unknown()
    assert finding.field == "spec.gpu.type"
    assert "gpu.memoryGiB" in finding.message


def test_memory_alone_is_enough() -> None:
    gpu = known(memoryGiB=48)
    assert (gpu.memory_gib, gpu.compute_capability, gpu.vendor) == (48, None, "nvidia")
    # Nothing is refused because the catalogue does not know it.
    assert gpu.bf16
    assert gpu.fp8
    assert gpu.fp4
    assert known(memoryGiB=48, resourceName="amd.com/gpu").vendor == "amd"


def test_the_spec_overrules_the_catalogue() -> None:
    gpu = known(type="NVIDIA-A2", memoryGiB=14.5, computeCapability="7.5")
    assert (gpu.memory_gib, gpu.compute_capability, gpu.bf16, gpu.estimated) == (14.5, (7, 5), False, False)


def test_the_catalogue_names_every_product_once() -> None:
    labels = [gpu.label for gpu in catalogue()]
    assert len(labels) == len(set(labels)) > 80


@given(st.floats(min_value=0, max_value=300))
def test_what_is_offered_is_bigger_and_for_sale(memory_gib: float) -> None:
    for vendor in ("nvidia", "amd"):
        offered = bigger_than(memory_gib, vendor)
        assert all(gpu.memory_gib > memory_gib and gpu.vendor == vendor for gpu in offered)
        assert [gpu.price_class for gpu in offered] == sorted(gpu.price_class for gpu in offered)
        assert 0 not in {gpu.price_class for gpu in offered}


def test_offers() -> None:
    assert [gpu.label for gpu in bigger_than(100)] == ["NVIDIA-H200", "NVIDIA-B200", "NVIDIA-B300-SXM6-AC"]


@pytest.mark.parametrize(
    ("text", "label", "memory_gib"),
    [
        ("RTX 4090", "NVIDIA-GeForce-RTX-4090", 23.65),
        ("rtx4090", "NVIDIA-GeForce-RTX-4090", 23.65),
        ("4090", "NVIDIA-GeForce-RTX-4090", 23.65),
        ("RTX 4090 48GB", "NVIDIA-GeForce-RTX-4090", 47.3),
        ("RTX 4090 laptop", "NVIDIA-GeForce-RTX-4090-Laptop-GPU", 15.55),
        ("RTX 4070 Ti SUPER", "NVIDIA-GeForce-RTX-4070-Ti-SUPER", 15.56),
        ("RTX 6000 Ada", "NVIDIA-RTX-6000-Ada-Generation", 47.38),
        ("RTX PRO 6000 Max-Q", "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition", 94.97),
        ("l40s", "NVIDIA-L40S", 44.39),
        ("L40", "NVIDIA-L40", 44.39),
        ("NVIDIA-L4-SHARED", "NVIDIA-L4", 22.03),
        ("A10 24GB", "NVIDIA-A10", 22.06),
        ("A100", "NVIDIA-A100-SXM4-80GB", 79.25),
        ("A100-40G", "NVIDIA-A100-SXM4-40GB", 39.38),
        ("A100 PCIe 40 GB", "NVIDIA-A100-PCIE-40GB", 39.38),
        ("A100-40GB (39.39 GiB logged)", "NVIDIA-A100-SXM4-40GB", 39.38),
        ("A100 MIG 1g.5gb", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", 4.75),
        ("H100", "NVIDIA-H100-80GB-HBM3", 79.19),
        ("H100 80GB HBM3", "NVIDIA-H100-80GB-HBM3", 79.19),
        ("H100 NVL", "NVIDIA-H100-NVL", 93.02),
        ("H200 140GB", "NVIDIA-H200", 139.8),
        ("B200 192 GB", "NVIDIA-B200", 178.35),
        ("GB10 (DGX Spark)", "NVIDIA-GB10", 119.6),
        ("GB10 (121.7 GiB unified)", "NVIDIA-GB10", 121.7),
        ("80GB class (H100/A100, not in log)", "NVIDIA-H100-80GB-HBM3", 79.19),
        ("288 GiB AMD (MI355X class)", "AMD_Instinct_MI355_OAM", 287.98),
        ("Radeon Pro W7900 (gfx1100)", "AMD_Radeon_PRO_W7900", 44.98),
        ("8GB Turing class", "Quadro-RTX-4000", 7.56),
    ],
)
def test_names_that_people_write(text: str, label: str, memory_gib: float) -> None:
    gpu = parse_name(text)
    assert gpu is not None
    assert (gpu.label, gpu.memory_gib) == (label, memory_gib)


@pytest.mark.parametrize(
    "text", ["", "80GB", "a fast one", "RTX 6000", "Intel Arc 16GB", "RTX 4090 0GB", "RTX 4090 900GB", "L4 MIG 1g.5gb"]
)
def test_nonsense_names_nothing(text: str) -> None:
    assert parse_name(text) is None


def test_a_modified_card_is_marked() -> None:
    gpu = parse_name("RTX 4090 48GB")
    assert gpu is not None
    assert gpu.estimated


@given(st.text(max_size=60) | st.from_regex(r"(rtx|h|a|mi) ?[0-9]{1,4} ?[0-9.]{0,6} ?(gb|gib|g)?", fullmatch=True))
def test_any_text_is_answered(text: str) -> None:
    gpu = parse_name(text)
    assert gpu is None or gpu.memory_gib > 0


def test_every_label_is_a_name_too() -> None:
    for gpu in catalogue():
        assert parse_name(gpu.label) == gpu


@pytest.mark.skipif(not Path(OBSERVATIONS).is_file(), reason="GPU_OBSERVATIONS names no file of start-up logs")
def test_every_gpu_of_the_start_up_logs() -> None:
    rows = [json.loads(line) for line in Path(OBSERVATIONS).read_text().splitlines()]
    foreign = ("Ascend", "Intel", "Radeon 8060S")
    for name, gib in {(row["gpu"], row["gpu_gib"]) for row in rows if row["gpu"]}:
        gpu = parse_name(name)
        assert (gpu is None) == name.startswith(foreign), name
        if gpu is not None and gib is not None:
            # 8 %: drivers under Windows report GeForce cards whole.
            assert gpu.memory_gib == pytest.approx(gib, rel=0.08), name


def test_the_documentation_shows_what_is_offered() -> None:
    text = (Path(__file__).parents[2] / "docs" / "gpus.md").read_text()
    rows = [
        f"| `{gpu.label}` | {gpu.memory_gib:g} | {'.'.join(map(str, gpu.compute_capability or ()))} |".replace(
            "  ", " "
        )
        for vendor in ("nvidia", "amd")
        for gpu in bigger_than(0, vendor)
    ]
    assert [line for line in text.splitlines() if line.startswith(tuple(rows))] == [
        line for line in text.splitlines() if line.startswith(("| `NVIDIA-", "| `AMD_"))
    ]
    assert all(row in text for row in rows)
