"""Runs the webhook beside the operator: every replica serves it, whether it leads or not."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from modelberth.ports.admission import KubeAdmission
from modelberth.ports.kube import KubeApi
from modelberth.webhook.admission import Admission
from modelberth.webhook.certificates import Pair
from modelberth.webhook.metrics import WebhookMetrics
from modelberth.webhook.options import WebhookOptions
from modelberth.webhook.server import WebhookServer
from modelberth.webhook.sources import Mounted, SelfMade, Source

log = logging.getLogger(__name__)

RETRY_S = 5.0


@asynccontextmanager
async def serving(options: WebhookOptions, namespace: str, kube: KubeApi, admission: Admission) -> AsyncIterator[None]:
    """Runs the webhook meanwhile. ``namespace`` is the operator's own. What goes wrong here never ends the operator."""
    server = WebhookServer(options.port, admission.review)
    keeper = asyncio.create_task(keep_serving(_source(options, namespace, kube), server, admission.metrics))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await server.close()
        admission.close()


async def keep_serving(source: Source, server: WebhookServer, metrics: WebhookMetrics) -> None:
    """Serves whatever certificate the source has, for ever."""
    used: Pair | None = None
    told = ""
    while True:
        delay = source.check_s
        try:
            pair = await source.current()
            if pair != used:
                await server.use(pair)
                metrics.certificate_until(pair.end)
                used = pair
                log.info("the webhook serves a certificate until %s", pair.end)
            told = ""
        except Exception as error:
            if told != (told := f"{type(error).__name__}: {error}"):  # once, not every five seconds
                log.warning("the webhook %s: %s", "keeps its certificate" if used else "has no certificate yet", told)
            delay = RETRY_S
        await asyncio.sleep(delay * random.uniform(0.9, 1.1))


def _source(options: WebhookOptions, namespace: str, kube: KubeApi) -> Source:
    if options.certificates is not None:
        return Mounted(options.certificates)
    kept = KubeAdmission(kube, namespace, secret=options.name, configuration=options.configuration(namespace))
    return SelfMade(kept, options.host(namespace), lambda: datetime.now(UTC))
