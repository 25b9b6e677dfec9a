"""Files of ModelDeployments, read as kubectl reads them."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.loading import LoadError, load
from tests.api.resources import Resource, valid_resources

ONE = """\
apiVersion: modelberth.dev/v1alpha1
kind: ModelDeployment
metadata: {name: %s}
spec: {x: %s}
"""


def test_other_kinds_and_empty_documents_are_skipped() -> None:
    text = "---\n# nothing\n---\n" + ONE % ("a", 1) + "---\nkind: Secret\napiVersion: v1\n---\n" + ONE % ("b", 2)
    loaded = load(text)
    assert [item.resource["metadata"]["name"] for item in loaded] == ["a", "b"]
    assert [item.line for item in loaded] == [4, 12]


def test_a_list_is_opened() -> None:
    inner = "\n".join("    " + line for line in (ONE % ("a", 1)).splitlines())
    assert len(load(f"apiVersion: v1\nkind: List\nitems:\n  -\n{inner}\n")) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: A\nkind: B\n", "line 2: the key kind is given twice"),
        ("kind: A\nspec:\n  a: 1\n  b: {c: 1, c: 2}\n", "line 4: the key c is given twice"),
        ("kind: A\n  b: [\n", "line 2: "),
        ("a: 1\n", "line 1: this document has no kind"),
        ("kind: ModelDeployment\n", "line 1: this ModelDeployment has no apiVersion"),
        ("kind: A\n---\n- x\n", "line 3: this document is no resource"),
        ("kind: A\nx: .nan\n", "line 2: .nan is no JSON number"),
        ("kind: A\nx: \x01\n", "line 2: the character"),
        ("kind: A\nx: !!python/name:os.system\n", "line 2: could not determine a constructor"),
        ("kind: A\nx: *nowhere\n", "line 2: found undefined alias"),
        ("kind: A\n? [a]\n: b\n", "line 2: a key must be a word"),
        ("kind: A\n~: b\n", "line 2: a key must be a word"),
        ("kind: A\nx: 1e400\n", "line 2: 1e400 is no JSON number"),
        ("[" * 5000, "line 1: "),
    ],
)
def test_broken_files_are_refused_with_the_line(text: str, message: str) -> None:
    with pytest.raises(LoadError) as caught:
        load(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("1e3", 1000),
        ("1.0", 1),
        ("1e30", 1e30),
        ("4_096", 4096),
        ("0x10", 16),
        ("010", 8),
        ("-5", -5),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("y", True),
        ("off", False),
        ("=", "="),
        ("~", None),
        ("", None),
        ("0.95", 0.95),
        ("b11669", "b11669"),
        ("1.2.3", "1.2.3"),
        ("'1'", "1"),
        ("+1", 1),
    ],
)
def test_scalars_are_those_of_kubectl(scalar: str, value: object) -> None:
    (loaded,) = load(ONE % ("a", scalar) if scalar else ONE.replace("{x: %s}", "\n  x:") % "a")
    found = loaded.resource["spec"]["x"]
    assert (found, type(found)) == (value, type(value))


def test_keys_become_strings() -> None:
    (loaded,) = load((ONE % ("a", "{1: a, true: b}")).replace("spec: {x: ", "spec: {x: "))
    assert loaded.resource["spec"]["x"] == {"1": "a", "true": "b"}


def test_merge_keys() -> None:
    text = ONE % ("a", 1) + "base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\n"
    assert load(text)[0].resource["more"] == {"a": 1, "b": 3}


@given(st.lists(valid_resources(), max_size=3))
def test_what_json_writes_is_read(made: list[Resource]) -> None:
    text = "\n---\n".join(json.dumps(each) for each in made)
    assert [item.resource for item in load(text)] == made


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(LoadError):
        load(text)
