"""Rules that the API server cannot hold: what the engine knows at the image's version, and sums of quantities."""

from modelberth.api.engine_facts import EngineFacts, Version, names_at
from modelberth.api.finding import Finding
from modelberth.api.quantity import amount
from modelberth.api.spec import Spec
from modelberth.api.uri import HubUri, parse_uri


def version_findings(spec: Spec, facts: EngineFacts, image: str) -> list[Finding]:
    """What the engine in the image lacks. ``image`` is spec.engine.image or the operator's default."""
    version, _ = facts.version_of(image, spec.engine.version)
    label = f"{facts.type} {'.'.join(map(str, version))}"
    found = []
    for field, value, values in (
        ("quantization", spec.quantization, facts.quantizations),
        ("kvCacheDtype", spec.kv_cache_dtype, facts.kv_cache_dtypes),
    ):
        known = names_at(values, version)
        if value not in known and any(each.name == value for each in values):
            found.append(
                Finding(
                    f"spec.{field}",
                    f"{label} does not have {value}; use one of {', '.join(known)}, {_other(facts, value)}",
                )
            )
    if spec.quantization == "auto" and _is_gguf(spec) and "gguf" not in _quantizations(facts, version):
        found.append(
            Finding(
                "spec.model.uri",
                f"{label} does not serve GGUF files; use engine.type LlamaCpp, or the repository in another format",
            )
        )
    return found


def quantity_findings(spec: Spec) -> list[Finding]:
    """Requests above their limits, which the API server refuses only in the child, where nobody looks."""
    limits = spec.resources.limits
    return [
        Finding(
            f"spec.resources.requests.{name}",
            f"{request} is more than spec.resources.limits.{name} ({limits[name]}); lower it or raise the limit",
        )
        for name, request in spec.resources.requests.items()
        if name in limits and amount(request) > amount(limits[name])
    ]


def _quantizations(facts: EngineFacts, version: Version) -> tuple[str, ...]:
    return names_at(facts.quantizations, version)


def _is_gguf(spec: Spec) -> bool:
    uri = parse_uri(spec.model.uri)
    return isinstance(uri, HubUri) and uri.file is not None


def _other(facts: EngineFacts, name: str) -> str:
    """Which versions have the value."""
    spans = []
    for each in facts.quantizations + facts.kv_cache_dtypes:
        if each.name == name:
            since = f"from {'.'.join(map(str, each.since))}" if each.since else ""
            until = f"before {'.'.join(map(str, each.until))}" if each.until else ""
            spans.append(" ".join(part for part in (since, until) if part))
    return f"or a version {' or '.join(dict.fromkeys(spans))}"
