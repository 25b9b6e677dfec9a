"""The Secret and the trust of the API server, in memory, with versions and a count of writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelberth.ports.admission import Stored
from modelberth.ports.kube import ApiError


@dataclass
class FakeAdmissionApi:
    """``history`` holds what was done, in order."""

    data: Mapping[str, bytes] | None = field(default_factory=dict)
    authorities: bytes = b""
    version: int = 1
    history: list[str] = field(default_factory=list)
    refuse: dict[str, ApiError] = field(default_factory=dict)
    """Method -> the error of its next call."""

    async def read(self) -> Stored:
        self._refuse("read")
        if self.data is None:
            raise ApiError(404, "Secret not found")
        return Stored(self.data, str(self.version))

    async def write(self, data: Mapping[str, bytes], version: str) -> None:
        self._refuse("write")
        if version != str(self.version):
            raise ApiError(409, "the object has been modified")
        self.data, self.version = data, self.version + 1
        self.history.append("write")

    async def trusted(self) -> bytes:
        self._refuse("trusted")
        return self.authorities

    async def trust(self, authorities: bytes) -> None:
        self._refuse("trust")
        self.authorities = authorities
        self.history.append("trust")

    def _refuse(self, method: str) -> None:
        if error := self.refuse.pop(method, None):
            raise error
