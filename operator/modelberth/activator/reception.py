"""What becomes of one request: forwarded, held and then forwarded, answered here, or refused."""

import asyncio
import logging
import traceback
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from modelberth.activator import forwarding, headers
from modelberth.activator.answers import asleep, error
from modelberth.activator.backends import Backends
from modelberth.activator.body import Body
from modelberth.activator.connection import client_gone
from modelberth.activator.holding import FullError, Holding, Place
from modelberth.activator.metrics import ActivatorMetrics
from modelberth.activator.slices import Backend, Door, Key
from modelberth.activator.wakes import Wakes

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""After pods that are said to be ready refused: time until they are tried again."""
GONE_S = 5.0
"""After the last slice of a model is gone: time until its requests are given up."""
LOOK_S = 1.0
"""How often a connection that is not read from is looked at: asyncio does not tell when its client goes away."""

READING = ("GET", "HEAD")
"""Methods that never wake a model."""

Ended = tuple[web.StreamResponse, str]
"""An answer, and how the request ended (metrics.OUTCOMES)."""


class ModelGoneError(Exception):
    """The model was deleted: no pod will ever answer."""


class ClientGoneError(Exception):
    """Nobody waits for the answer."""


@dataclass
class Reception:
    """Serves the requests of all doors, from one event loop."""

    backends: Backends
    holding: Holding
    client: aiohttp.ClientSession
    metrics: ActivatorMetrics
    wakes: Wakes

    async def serve(self, door: Door, request: web.BaseRequest) -> web.StreamResponse:
        """The answer; aiohttp sends what of it is not sent yet. Cancelled when the client goes away."""
        outcome = "failed"
        try:
            answer, outcome = await self._serve(door, request)
        except (asyncio.CancelledError, ClientGoneError, ConnectionError):
            outcome = "gone"
            raise
        except Exception as failure:
            # Its text may quote the request.
            where = traceback.extract_tb(failure.__traceback__)[-1]
            log.error(
                "a request failed: %s in %s:%s",
                type(failure).__name__,
                where.name,
                where.lineno,
                extra={"key": door.key},
            )
            answer = error(500, "the activator failed", "internal_error")
        finally:
            self.metrics.ended(outcome)
        return answer

    async def _serve(self, door: Door, request: web.BaseRequest) -> Ended:
        if problem := _unservable(request):
            return error(400, problem, "bad_request"), "answered"
        visit = Visit(self, door, request)
        try:
            return await visit.serve()
        except FullError as full:
            self.metrics.rejected(full.reason)
            return error(503, "too many requests wait for this model", "too_many_waiting"), "rejected"
        except ModelGoneError:
            return error(404, "this model was deleted", "model_not_found"), "answered"
        except RequestPayloadError:
            return error(400, "the body does not end as its headers say", "bad_request"), "answered"
        finally:
            visit.place.free()
            if door.key not in self.holding.held:
                self.wakes.given_up(door.key)


class Visit:
    """One request on its way to a pod."""

    def __init__(self, reception: Reception, door: Door, request: web.BaseRequest) -> None:
        self._reception = reception
        self._door = door
        self._key: Key = door.key
        self._request = request
        self.place = Place(reception.holding, door.key)
        self._body = Body(request.content, request.content_length, self.place, reception.metrics.came_in)
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + reception.holding.limits.hold_s

    async def serve(self) -> Ended:
        """Raises FullError, RequestPayloadError, ClientGoneError."""
        if self._reception.backends.choose(self._key) is None:
            if self._request.method in READING:
                return self._asleep()
            self._hold()
        self.place.grow(headers.size(self._request.raw_headers))
        self._body.reserve()
        await self._invite()
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._body.fill()
        except TimeoutError:
            return error(408, "the body did not come in time", "request_timeout"), "timeout"
        return await self._forward()

    async def _invite(self) -> None:
        """The client waits with its body until it is asked for it: RFC 9110, 10.1.1."""
        request = self._request
        if request.version >= (1, 1) and request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # The answer itself has not begun.
            request.writer.output_size = 0

    async def _forward(self) -> Ended:
        refused: set[Backend] = set()
        while True:
            backend = self._reception.backends.choose(self._key, refused)
            if backend is None:
                if self._request.method in READING:
                    return self._asleep()
                self._hold()
                if not await self._wait(AGAIN_S if refused else float("inf")):
                    return error(503, "no pod became ready in time", "wake_timeout"), "timeout"
                refused.clear()
                continue
            self.place.let_go()
            self._reception.wakes.forwarded(self._key)
            try:
                return await self._ask(backend)
            except forwarding.UnreachableError:
                if not self._body.replayable:
                    return error(502, "the pod went away before it answered", "bad_gateway"), "failed"
                refused.add(backend)
            except forwarding.BadAnswerError:
                return error(502, "the pod's answer cannot be passed on", "bad_gateway"), "failed"
            except ValueError:
                return error(400, "this request cannot be passed on", "bad_request"), "answered"

    async def _ask(self, backend: Backend) -> Ended:
        reception = self._reception
        with reception.backends.serving(backend):
            upstream = await forwarding.send(reception.client, backend, self._request, self._body)
            async with upstream:
                self._body.forget()
                answer, whole = await forwarding.relay(upstream, self._request, reception.metrics.went_out)
                return answer, "forwarded" if whole else "failed"

    def _asleep(self) -> Ended:
        request = self._request
        return asleep(self._door, request.path, "Authorization" in request.headers), "answered"

    def _hold(self) -> None:
        self.place.hold()
        self._reception.wakes.held(self._key)

    async def _wait(self, longest: float) -> bool:
        """Until the model's pods change, at most so many seconds. Whether there is time left to try again.

        Raises ClientGoneError, ModelGoneError.
        """
        until = min(self._loop.time() + longest, self._deadline)
        backends = self._reception.backends
        look_s = float("inf") if self._body.complete else LOOK_S
        gone_at = float("inf")
        while (left := until - self._loop.time()) > 0:
            before = backends.choose(self._key)
            # Not at once: a Service that was deleted by hand is made again.
            gone_at = float("inf") if backends.knows(self._key) else min(gone_at, self._loop.time() + GONE_S)
            await backends.changed(self._key, min(left, look_s, gone_at - self._loop.time()))
            if self._loop.time() >= gone_at and not backends.knows(self._key):
                raise ModelGoneError
            if not self._body.complete and client_gone(self._request.transport):
                raise ClientGoneError
            if backends.choose(self._key) != before:
                break
        return self._loop.time() < self._deadline


def _unservable(request: web.BaseRequest) -> str:
    """Why this is no request that could be passed on; empty where it is one."""
    if not request.rel_url.raw_path.startswith("/") or request.method == "CONNECT":
        return "a path is missing"
    if request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        return "the only transfer coding here is chunked"
    if "Transfer-Encoding" in request.headers and "Content-Length" in request.headers:
        return "Content-Length and Transfer-Encoding exclude each other"
    if request.method not in ("GET", "HEAD") and headers.upgrades(request.headers):
        return "no other protocol is spoken here"
    return ""
