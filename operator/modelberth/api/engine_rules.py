"""Static rules that follow from what engines accept: values they know in some version, flags that fields own."""

import re
from collections.abc import Iterable, Mapping

from modelberth.api.engine_facts import EngineFacts, Owned, Supported
from modelberth.api.rules import Rule, literal
from modelberth.api.spec import EngineType


def engine_rules(facts: Mapping[EngineType, EngineFacts]) -> tuple[Rule, ...]:
    """The rules of every engine in the table, in its order."""
    return tuple(rule for engine in facts.values() for rule in _rules(engine))


def _rules(engine: EngineFacts) -> Iterable[Rule]:
    yield _known(engine, "quantization", engine.quantizations)
    yield _known(engine, "kvCacheDtype", engine.kv_cache_dtypes)
    for owned in engine.owned_flags:
        yield Rule(
            path="spec",
            expression=f"{_unless(engine)}!self.engine.args.exists(arg, {names_condition(owned.names)})",
            message=refusal(owned),
            field=".engine.args",
        )
    if engine.config_flags:
        yield Rule(
            path="spec",
            expression=(f"{_unless(engine)}!self.engine.args.exists(arg, {names_condition(engine.config_flags)})"),
            message=config_refusal(engine),
            field=".engine.args",
        )
    for owned in engine.owned_env:
        names = ", ".join(literal(name) for name in owned.names)
        yield Rule(
            path="spec",
            expression=f"{_unless(engine)}!self.engine.env.exists(env, env.name in [{names}])",
            message=refusal(owned),
            field=".engine.env",
        )


def _unless(engine: EngineFacts) -> str:
    return f"self.engine.type != {literal(engine.type)} || "


def _known(engine: EngineFacts, field: str, values: tuple[Supported, ...]) -> Rule:
    names = tuple(dict.fromkeys(value.name for value in values))
    return Rule(
        path="spec",
        expression=f"{_unless(engine)}self.{field} in [{', '.join(literal(name) for name in names)}]",
        message=f"{engine.type} has no such value in any version; use one of {', '.join(names)}",
        field=f".{field}",
    )


def names_condition(names: Iterable[str]) -> str:
    """CEL: is ``arg`` one of the flags, alone, with ``=value`` or with a dotted JSON path?"""
    return " || ".join(_name_condition(name) for name in names)


def _name_condition(name: str) -> str:
    """``-`` inside a long name may be written ``_`` (vLLM and llama.cpp take both): that needs a regular expression.

    It is costly in Python, where it is compiled at every use, so that startsWith goes before it.
    """
    if not re.match("--.+[-_]", name):
        return " || ".join([f"arg == {literal(name)}", *(f"arg.startsWith({literal(name + end)})" for end in "=.")])
    first, *rest = re.split("[-_]", name.removeprefix("--"))
    pattern = f"^--{'[-_]'.join([first, *rest]).replace('.', '[.]')}([=.]|$)"
    return f"arg.startsWith({literal('--' + first)}) && arg.matches({literal(pattern)})"


def refusal(owned: Owned) -> str:
    """Why the flag or variable is refused, and what to do instead."""
    owner = f"set by {owned.field}" if owned.field.startswith("spec.") else owned.field
    if owned.remedy:
        return f"{owned.names[0]} is {owner}: {owned.remedy}"
    way_out = "use that field" if owned.field.startswith("spec.") else "leave it out"
    return f"{owned.names[0]} is {owner}; {way_out}"


def config_refusal(engine: EngineFacts) -> str:
    """Why a flag that reads a file of flags is refused."""
    return (
        f"{', '.join(engine.config_flags)} reads arguments from a file, which cannot be judged against the fields of "
        "this spec; list the arguments here instead"
    )
