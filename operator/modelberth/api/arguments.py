"""Pass-through arguments that CEL does not judge: mixed spellings, argparse's abbreviations and glued short flags."""

import re

from modelberth.api.engine_facts import EngineFacts
from modelberth.api.engine_rules import config_refusal, refusal, spellings
from modelberth.api.finding import Finding

_END_OF_FLAG = re.compile("[=. ]")
"""--flag=value, vLLM's --flag.key=value, and the mistake "--flag value" in one item."""


def disguised(facts: EngineFacts, args: list[str]) -> list[Finding]:
    """Refuses arguments that the engine's parser reads as an owned flag though they do not spell it out.

    ``--max_model-len`` is ``--max-model-len`` to vLLM and llama.cpp. argparse also takes any unambiguous prefix of a
    long flag (--max-model) and a value glued to a one-letter flag (-qawq). Which prefixes are unambiguous changes with
    the version, so one that could be short for an owned flag is refused.
    """
    spelled_out = _flags(facts)
    found = []
    for index, arg in enumerate(args):
        flag = _flag(arg)
        if flag is None:
            continue
        message = _refusal_of_spelling(facts, arg, flag)
        if message is None and facts.abbreviations and flag not in spelled_out:
            message = _refusal_of_glued(facts, flag) or _refusal_of_prefix(facts, flag)
        if message is not None:
            found.append(Finding(f"spec.engine.args[{index}]", message))
    return found


def _refusal_of_spelling(facts: EngineFacts, arg: str, flag: str) -> str | None:
    """An owned flag in a spelling that the CEL rules do not list."""
    written = arg.partition("=")[0]
    for owned in facts.owned_flags:
        if flag in owned.spelled and written not in spellings(owned.spelled):
            return f"{written} is {flag}: {refusal(owned)}"
    if flag in facts.config_flags and written not in spellings(facts.config_flags):
        return config_refusal(facts)
    return None


def _flag(arg: str) -> str | None:
    """The flag in an argument, dashed; None for a value."""
    flag = _END_OF_FLAG.split(arg, maxsplit=1)[0]
    if flag.startswith("--"):
        return flag.replace("_", "-") if len(flag) > 2 else None
    return flag if flag.startswith("-") and len(flag) > 1 and not flag[1:].isdigit() else None


def _flags(facts: EngineFacts) -> frozenset[str]:
    """Every flag that the parser knows by its whole name."""
    owned = (name for owned in facts.owned_flags for name in owned.spelled)
    return frozenset(
        name.replace("_", "-") for names in (owned, facts.flag_prefixes, facts.config_flags) for name in names
    )


def _refusal_of_glued(facts: EngineFacts, flag: str) -> str | None:
    if flag.startswith("--"):
        return None
    for owned in facts.owned_flags:
        letter = next((name for name in owned.names if len(name) == 2 and flag.startswith(name)), None)
        if letter is not None:
            return f"{flag} is {letter} with its value: {refusal(owned)}"
    return None


def _refusal_of_prefix(facts: EngineFacts, flag: str) -> str | None:
    for owned in facts.owned_flags:
        name = next((name for name in owned.names if name.replace("_", "-").startswith(flag)), None)
        if name is not None:
            return f"{flag} is short for {name}: {refusal(owned)}"
    if any(name.startswith(flag) for name in facts.config_flags):
        return config_refusal(facts)
    return None
