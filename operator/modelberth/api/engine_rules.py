"""Static rules that follow from what engines accept: values they know in some version, flags that fields own."""

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
            expression=f"{_unless(engine)}!self.engine.args.exists(arg, {_is_one_of(owned.spelled)})",
            message=refusal(owned),
            field=".engine.args",
        )
    if engine.config_flags:
        yield Rule(
            path="spec",
            expression=(f"{_unless(engine)}!self.engine.args.exists(arg, {_is_one_of(engine.config_flags)})"),
            message=config_refusal(engine),
            field=".engine.args",
        )
    for owned in engine.owned_env:
        yield Rule(
            path="spec",
            expression=f"{_unless(engine)}!self.engine.env.exists(env, env.name in [{_list(owned.names)}])",
            message=refusal(owned),
            field=".engine.env",
        )


def _unless(engine: EngineFacts) -> str:
    return f"self.engine.type != {literal(engine.type)} || "


def _known(engine: EngineFacts, field: str, values: tuple[Supported, ...]) -> Rule:
    names = tuple(dict.fromkeys(value.name for value in values))
    return Rule(
        path="spec",
        expression=f"{_unless(engine)}self.{field} in [{_list(names)}]",
        message=f"{engine.type} has no such value in any version; use one of {', '.join(names)}",
        field=f".{field}",
    )


def spellings(names: Iterable[str]) -> tuple[str, ...]:
    """The names, and each long one with ``_`` for ``-`` as vLLM and llama.cpp take it. Mixtures are left to Python."""
    underscored = (f"--{name[2:].replace('-', '_')}" for name in names if name.startswith("--"))
    return tuple(dict.fromkeys((*names, *underscored)))


def _is_one_of(names: Iterable[str]) -> str:
    """CEL: ``arg`` is one of the flags, alone or with ``=value``.

    Not a regular expression: the API server's cost estimate of one over 64 long arguments is a hundredth of what a
    whole CRD may cost, and there are a hundred flags.
    """
    flags = spellings(names)
    return " || ".join([f"arg in [{_list(flags)}]", *(f"arg.startsWith({literal(flag + '=')})" for flag in flags)])


def _list(names: Iterable[str]) -> str:
    return ", ".join(literal(name) for name in names)


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
