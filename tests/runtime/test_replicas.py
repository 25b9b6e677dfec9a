"""One row per resource that Modelberth scales, and none for one that is gone."""

from prometheus_client import CollectorRegistry

from modelberth.api.meta import KIND
from modelberth.runtime.replicas import Replicas
from modelberth.runtime.store import Raw, Store


def resource(name: str, version: int, **status: object) -> Raw:
    return {"metadata": {"namespace": "team-a", "name": name, "resourceVersion": str(version)}, "status": status}


def test_rows_follow_the_statuses() -> None:
    store, registry = Store(), CollectorRegistry()
    registry.register(Replicas(store))

    def value(what: str, of: str) -> float | None:
        return registry.get_sample_value(f"modelberth_autoscaling_{what}", {"namespace": "team-a", "name": of})

    store.remember(KIND, resource("a", 1, autoscaling={"desiredReplicas": 0, "currentReplicas": 1}))
    store.remember(KIND, resource("b", 2))
    assert (value("desired_replicas", "a"), value("current_replicas", "a")) == (0, 1)
    assert value("target_concurrency", "a") is None
    assert value("desired_replicas", "b") is None
    store.prune(KIND, [], before=3)
    assert value("desired_replicas", "a") is None
