"""--gpu, --gpu-memory-gib and --compare."""

from pathlib import Path
from typing import Any

import pytest

from modelberth.planner.gpus import catalogue
from tests.cli.command import Done
from tests.cli.plans import ENTRY, FITS, TOO_LONG, UNKNOWN, entries, on, plan
from tests.manifests.specs import resource

COMPARED = {"gpu", "memoryGiB", "fits", "kvCacheTokens", "maxConcurrency", "tensor"}


def entry(folder: Path, resource: dict[str, Any], *args: str) -> dict[str, Any]:
    (found,) = entries(plan(folder, resource, args=("-o", "json", *args)))
    return found


@pytest.mark.parametrize("label", ["NVIDIA-H200", "nvidia-h200", "H200", "h200 141GB"])
def test_another_gpu_by_its_label_or_as_people_say_it(tmp_path: Path, label: str) -> None:
    assert entry(tmp_path, TOO_LONG)["fits"] is False
    found = entry(tmp_path, TOO_LONG, "--gpu", label)
    assert found["fits"] is True
    assert found["perGpu"]["totalGiB"] == pytest.approx(139.8, abs=0.1)


def test_other_memory(tmp_path: Path) -> None:
    found = entry(tmp_path, TOO_LONG, "--gpu-memory-gib", "47.5")
    assert (found["fits"], found["perGpu"]["totalGiB"]) == (True, 47.5)
    both = entry(tmp_path, TOO_LONG, "--gpu", "H100", "--gpu-memory-gib", "17")
    assert (both["fits"], both["perGpu"]["totalGiB"]) == (False, 17.0)
    modified = entry(tmp_path, TOO_LONG, "--gpu", "RTX 4090 48GB")
    assert modified["perGpu"]["totalGiB"] == pytest.approx(47.3, abs=0.5)


def test_what_the_spec_says_of_its_own_gpu_does_not_count_for_another(tmp_path: Path) -> None:
    own = on(maxModelLen=4096)
    own["spec"]["gpu"] |= {"memoryGiB": 10, "computeCapability": "7.0"}
    assert entry(tmp_path, own)["fits"] is False
    assert entry(tmp_path, own, "--gpu", "L4")["fits"] is True


def test_an_unknown_gpu_is_exit_1_and_near_ones_are_named(tmp_path: Path) -> None:
    done = plan(tmp_path, FITS, args=("--gpu", "Voodoo2", "-o", "json"))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("--gpu Voodoo2: no such GPU in the catalogue")
    near = plan(tmp_path, FITS, args=("--gpu", "NVIDIA-LL4"))
    assert "NVIDIA-L4" in near.err


def test_an_unknown_gpu_with_its_memory_is_fine(tmp_path: Path) -> None:
    found = entry(tmp_path, UNKNOWN, "--gpu", "Voodoo2", "--gpu-memory-gib", "40")
    assert (found["fits"], found["perGpu"]["totalGiB"]) == (True, 40.0)


@pytest.mark.parametrize("text", ["0", "-1", "many", "nan", "inf", "5000"])
def test_a_memory_that_is_none_is_wrong_usage(tmp_path: Path, text: str) -> None:
    done: Done = plan(tmp_path, FITS, args=(f"--gpu-memory-gib={text}",))
    assert done.code == 1
    assert "is no memory in GiB" in done.err


def test_compare_lists_the_catalogue(tmp_path: Path) -> None:
    found = entry(tmp_path, TOO_LONG, "--compare")
    rows = found.pop("compare")
    assert set(found) == ENTRY
    assert [row["gpu"] for row in rows] == [gpu.label for gpu in catalogue()]
    assert all(set(row) == COMPARED for row in rows)
    by_gpu = {row["gpu"]: row for row in rows}
    small, large = by_gpu["NVIDIA-L4"], by_gpu["NVIDIA-H200"]
    assert (small["fits"], small["kvCacheTokens"]) == (False, found["kvCacheTokens"])
    assert small["tensor"] > 1
    assert (large["fits"], large["tensor"]) == (True, 1)
    assert large["maxConcurrency"] == entry(tmp_path, TOO_LONG, "--gpu", "H200")["maxConcurrency"]


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_compare_for_people(tmp_path: Path, output: str) -> None:
    done = plan(tmp_path, TOO_LONG, args=("--compare", "-o", output))
    assert done.code == 2
    for label in ("NVIDIA-L4", "NVIDIA-H200", "Tesla-T4"):
        assert label in done.out


@pytest.mark.parametrize("option", [("--gpu", "H100"), ("--gpu-memory-gib", "80"), ("--compare",)])
def test_a_cpu_is_no_gpu(tmp_path: Path, option: tuple[str, ...]) -> None:
    cpu = resource(device="CPU", maxModelLen=4096, resources={"limits": {"memory": "64Gi"}})
    done = plan(tmp_path, cpu, args=option)
    assert done.code == 0
    assert "device CPU has no GPU: --gpu, --gpu-memory-gib and --compare are left out" in done.err
    assert "device CPU" not in plan(tmp_path, cpu).err
    assert "device CPU" not in plan(tmp_path, on(maxModelLen=4096), args=option).err
