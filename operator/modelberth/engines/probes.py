"""Probes of the engine container. The port is named ``http``."""

from typing import Any

STARTUP_LIMIT_S = 3 * 3600
"""Loading hundreds of GB from a network disk and compiling takes hours; a crash ends the container much earlier."""
_STARTUP_PERIOD_S = 1
"""Whoever waits for a model that wakes waits for this too."""

END_S = 30
"""Seconds for the end of an engine that a probe gave up: it has no streams worth rollout.drainTimeout."""


def http_probes(path: str, liveness: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Startup and readiness ask ``path``; ``liveness`` is what else tells a dead engine from a busy one."""
    get = {"httpGet": {"path": path, "port": "http"}}
    return {
        "startupProbe": {
            **get,
            "terminationGracePeriodSeconds": END_S,
            "periodSeconds": _STARTUP_PERIOD_S,
            "timeoutSeconds": 5,
            "failureThreshold": STARTUP_LIMIT_S // _STARTUP_PERIOD_S,
        },
        # The default timeout of 1 s flaps while the engine tokenizes a long prompt.
        "readinessProbe": {**get, "periodSeconds": 3, "timeoutSeconds": 5, "failureThreshold": 3},
        # Five minutes of silence: an engine that is merely busy must not be killed with its streams.
        "livenessProbe": {
            **liveness,
            "periodSeconds": 15,
            "timeoutSeconds": 10,
            "failureThreshold": 20,
            "terminationGracePeriodSeconds": END_S,
        },
    }


def http_get(path: str) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}}


def tcp_open() -> dict[str, Any]:
    return {"tcpSocket": {"port": "http"}}
