"""One row per resource that was measured, and none for one that is gone."""

from prometheus_client import CollectorRegistry, generate_latest

from modelberth.api.meta import KIND
from modelberth.runtime.plan_errors import PlanErrors
from modelberth.runtime.store import Raw, Store


def resource(name: str, version: int, **status: object) -> Raw:
    return {"metadata": {"namespace": "team-a", "name": name, "resourceVersion": str(version)}, "status": status}


def test_rows_follow_the_statuses() -> None:
    store, registry = Store(), CollectorRegistry()
    registry.register(PlanErrors(store))
    name = "modelberth_plan_error_percent"

    def error(of: str) -> float | None:
        return registry.get_sample_value(name, {"namespace": "team-a", "name": of})

    store.remember(KIND, resource("a", 1, observed={"kvCacheTokens": 100, "planErrorPercent": -1.5}))
    store.remember(KIND, resource("b", 2, observed={"kvCacheTokens": 100, "planErrorPercent": 0}))
    store.remember(KIND, resource("c", 3, observed={"kvCacheTokens": 100}))
    store.remember(KIND, resource("d", 4))
    assert [error(of) for of in "abcd"] == [-1.5, 0.0, None, None]
    store.remember(KIND, resource("a", 5, observed=None))
    store.forget(KIND, resource("b", 6))
    assert [error(of) for of in "abcd"] == [None] * 4
    assert name in generate_latest(registry).decode()
