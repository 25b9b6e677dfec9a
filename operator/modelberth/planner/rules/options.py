"""spec.engine.args that the engine's parser would end with."""

from collections.abc import Iterator

from modelberth.api.engine_tables import FACTS
from modelberth.api.finding import Finding
from modelberth.planner.rules.case import Case, refused

UNKNOWN_OPTION = "UnknownOption"
"""Reason of a finding: the newest version that the planner knows has no such option."""

_FIELD = "spec.engine.args"
_COUNTS = {
    "vLLM": ("--max-num-batched-tokens", "--block-size", "--num-gpu-blocks-override", "--max-loras"),
    "SGLang": ("--max-mamba-cache-size",),
    "LlamaCpp": ("--ubatch-size", "-ub"),
}
"""Flags that the planner counts with, and that are whole numbers from 1 on."""


def options(case: Case) -> Iterator[Finding]:
    """Flags that are no numbers where the planner needs one, and flags that nobody knows."""
    for name in _COUNTS[case.engine]:
        word = case.arguments.word(name)
        if word is not None and case.arguments.count(name) is None:
            yield refused(_FIELD, f"{name} {word} is no number from 1 on")
    facts = FACTS[case.spec.engine.type]
    # Other versions have other options, and an image of one's own may have more.
    if not facts.flag_prefixes or case.version != facts.newest:
        return
    for name in case.arguments.names:
        spelled = name.partition(".")[0]
        if spelled.startswith("--") and not any(flag.startswith(spelled) for flag in facts.flag_prefixes):
            yield Finding(_FIELD, f"{case.engine_label} has no option {spelled}; it would not start", UNKNOWN_OPTION)
