"""The lease part of the API, as the official client's own classes use it: bytes in, bytes out."""

import asyncio
import json
from typing import Any, cast

import aiohttp
from kubernetes.aio import client

Raw = dict[str, Any]


class _Answer:
    def __init__(self, status: int, body: Raw) -> None:
        self.status, self.reason = status, str(status)
        self.data = json.dumps(body).encode()

    @property
    def headers(self) -> dict[str, str]:
        return self.getheaders()

    async def read(self) -> bytes:
        return self.data

    def getheaders(self) -> dict[str, str]:
        return {"content-type": "application/json"}

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return self.getheaders().get(name.lower(), default)


class LeaseApi:
    """One Lease. ``down`` makes every call fail as a lost connection does, ``hung`` as a node without network."""

    def __init__(self) -> None:
        self.lease: Raw | None = None
        self.down = self.hung = False
        self.version = 0
        self.writes: list[str] = []

    def client(self) -> client.ApiClient:
        """A client of its own for each candidate."""
        made = client.ApiClient(client.Configuration())
        made.rest_client = cast(Any, self)
        return made

    @property
    def holder(self) -> str | None:
        return (self.lease or {}).get("spec", {}).get("holderIdentity") or None

    async def request(self, method: str, url: str, **kwargs: Any) -> _Answer:
        if self.down:
            raise aiohttp.ClientConnectionError("no route")
        if self.hung:
            await asyncio.get_running_loop().create_future()
        body: Raw = kwargs.get("body") or {}
        if method == "GET":
            return self._found()
        self.writes.append(method)
        if method == "POST":
            self.lease = {**body, "metadata": {**body["metadata"]}}
        elif method == "PUT":
            assert self.lease is not None
            if body["metadata"]["resourceVersion"] != str(self.version):
                return _refused(409)
            self.lease = body
        else:
            assert self.lease is not None
            self.lease["spec"] = {**self.lease["spec"], **body["spec"]}
        self.version += 1
        assert self.lease is not None
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return _Answer(200, self.lease)

    async def close(self) -> None:
        """Nothing is open."""

    def _found(self) -> _Answer:
        return _Answer(200, self.lease) if self.lease is not None else _refused(404)


def _refused(code: int) -> _Answer:
    return _Answer(code, {"kind": "Status", "code": code, "message": str(code)})
