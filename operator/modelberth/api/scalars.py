"""Scalars of the API, judged as the API server judges them: nothing is coerced, everything is bounded."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

QUANTITY_PATTERN = r"^([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$"
"""A quantity that is not negative, as Kubernetes writes it: 500m, 2, 8Gi, 1e9."""
MAX_QUANTITY = 32


def _integral(value: Any) -> Any:
    """4096.0 is an integer: Go's clients, kubectl among them, send it as 4096. "4096" and true are none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _quantity(value: Any) -> str | int:
    number = _integral(value)
    if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
        return number
    if isinstance(value, str) and len(value) <= MAX_QUANTITY and re.fullmatch(QUANTITY_PATTERN, value):
        return value
    if isinstance(value, float):
        raise PydanticCustomError("quantity", "must be a quantity: write {text} in quotes", {"text": f'"{value}"'})
    raise PydanticCustomError("quantity", 'must be a quantity such as "500m", 2 or 8Gi')


INTEGRAL = BeforeValidator(_integral)
"""Goes last in Annotated[int, ...], so that the bounds stay on the int and reach the schema."""
Name = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
"""Name of a Kubernetes object: a DNS-1123 subdomain."""
Text = Annotated[str, StringConstraints(max_length=4096)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Quantity = Annotated[
    str | int,
    PlainValidator(_quantity),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "pattern": QUANTITY_PATTERN,
            "maxLength": MAX_QUANTITY,
            "x-kubernetes-int-or-string": True,
        }
    ),
]
DURATION_PATTERN = r"^([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$"
"""Whole hours, minutes and seconds as Go writes them: 90s, 5m, 1h30m."""
Duration = Annotated[str, StringConstraints(min_length=2, max_length=20, pattern=DURATION_PATTERN)]


def seconds(duration: str) -> int:
    """The seconds of a Duration. Raises ValueError where the text is none."""
    match = re.fullmatch(DURATION_PATTERN, duration)
    if match is None or not duration:
        raise ValueError(f"{duration!r} is no duration such as 90s, 5m or 1h30m")
    hours, minutes, rest = (int((part or "0s")[:-1]) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest
