"""Where nothing could be judged engines still start, with room to spare."""

from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.spec import Spec
from modelberth.planner.plan import GIB
from modelberth.planner.unjudged import ASSUMED_KV_BYTES_PER_TOKEN, unjudged_launch


def spec(device: str, utilization: float, limit: str = "8Gi") -> Spec:
    return Spec.model_validate(
        {
            "model": {"uri": "hf://org/name"},
            "engine": {"type": "SGLang"},
            "device": device,
            "gpuMemoryUtilization": utilization,
            "resources": {"limits": {"memory": limit}},
        }
    )


@given(st.floats(0.001, 1))
def test_a_gpu_keeps_a_reserve_for_activations(utilization: float) -> None:
    launch = unjudged_launch(spec("GPU", utilization))
    assert 0 < launch.memory_fraction <= max(utilization, 0.01)
    assert (launch.cpu_kv_bytes, launch.cpu_kv_tokens) == (0, 0)


def test_the_cpu_gives_half_of_its_budget_to_the_kv_cache() -> None:
    launch = unjudged_launch(spec("CPU", 0.5))
    assert launch.cpu_kv_bytes == 2 * GIB
    assert launch.cpu_kv_tokens == 2 * GIB // ASSUMED_KV_BYTES_PER_TOKEN


@given(st.integers(1, 10**15))
def test_any_limit_is_a_budget(limit: int) -> None:
    launch = unjudged_launch(spec("CPU", 0.9, str(limit)))
    assert 0 <= launch.cpu_kv_tokens <= launch.cpu_kv_bytes <= limit
