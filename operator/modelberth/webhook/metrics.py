"""What the webhook reports about itself. Made only where it runs."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class WebhookMetrics:
    """Adds to the registry of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "modelberth_webhook_requests",
            "Admission requests by result: allowed, refused, unjudged (allowed without time or facts), error.",
            ["result"],
            registry=registry,
        )
        self._seconds = Histogram(
            "modelberth_webhook_seconds",
            "Time of one admission request.",
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 2),
            registry=registry,
        )
        self._expiry = Gauge(
            "modelberth_webhook_certificate_expiry_timestamp_seconds",
            "When the serving certificate ends, in Unix time.",
            registry=None,
        )
        self._registry: CollectorRegistry | None = registry

    def reviewed(self, result: str, seconds: float) -> None:
        self._requests.labels(result).inc()
        self._seconds.observe(seconds)

    def certificate_until(self, end: datetime) -> None:
        self._expiry.set(end.timestamp())
        # Not before there is a certificate: an end at 0 would look like one that has ended.
        if self._registry is not None:
            self._registry.register(self._expiry)
            self._registry = None
