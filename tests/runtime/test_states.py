"""What a scrape tells of each resource, and nothing of one that is gone."""

from prometheus_client import CollectorRegistry

from modelberth.api.meta import KIND
from modelberth.runtime.states import States
from modelberth.runtime.store import Raw, Store


def resource(name: str, version: int, **status: object) -> Raw:
    return {"metadata": {"namespace": "team-a", "name": name, "resourceVersion": str(version)}, "status": status}


def ready(status: str, reason: str) -> list[dict[str, str]]:
    return [
        {"type": "Stalled", "status": "True", "reason": reason},
        {"type": "Ready", "status": status, "reason": reason},
    ]


def test_rows_follow_the_statuses() -> None:
    store, registry = Store(), CollectorRegistry()
    registry.register(States(store))

    def value(what: str, of: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"modelberth_{what}", {"namespace": "team-a", "name": of, **labels})

    weights = {"phase": "Downloading", "downloadedBytes": 3, "totalBytes": 7}
    store.remember(KIND, resource("a", 1, conditions=ready("False", "Downloading"), weights=weights))
    store.remember(
        KIND, resource("b", 2, conditions=ready("True", "Serving"), rollout={"upgradeAvailable": True}, weights={})
    )
    store.remember(KIND, resource("c", 3))
    assert value("ready", "a", reason="Downloading") == 0
    assert value("ready", "b", reason="Serving") == 1
    assert (value("weights_downloaded_bytes", "a"), value("weights_total_bytes", "a")) == (3, 7)
    assert value("weights_total_bytes", "b") is None
    assert (value("upgrade_available", "a"), value("upgrade_available", "b")) == (None, 1)
    store.prune(KIND, [], before=9)
    assert value("ready", "b", reason="Serving") is None
