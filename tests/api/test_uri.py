"""The grammar of spec.model.uri."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.uri import ClaimUri, HubUri, ImageUri, ModelUri, parse_uri

WORD = st.text("abcXYZ019_", min_size=1, max_size=8)
REPO = st.builds(lambda org, parts: f"{org}/{'-'.join(parts)}", WORD, st.lists(WORD, min_size=1, max_size=3))
PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)


def _no_dots(text: str) -> bool:
    return ".." not in text and not any(part in (".", "") for part in text.split("/"))


REVISION = st.text(PRINTABLE, min_size=1, max_size=20).filter(lambda text: ".." not in text and text[0] != ".")
PATH = st.text(PRINTABLE, min_size=1, max_size=20).filter(_no_dots)
URIS = st.one_of(
    st.builds(HubUri, REPO, st.none() | REVISION.filter(lambda text: "/." not in text), st.none() | PATH),
    st.builds(ClaimUri, st.from_regex("[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True), st.just("") | PATH),
    st.builds(ImageUri, st.sampled_from(["a", "a:1", "h:5000/x/y:v1", "a.b/c@sha256:" + "a" * 64])),
)


@given(URIS)
def test_text_and_parts_say_the_same(uri: ModelUri) -> None:
    assert parse_uri(str(uri)) == uri


@given(st.text(max_size=60) | st.from_regex(r"(hf|pvc|oci)://[a-z/@%.2eEfF:]{0,30}"))
def test_any_text_is_parsed_or_refused_and_never_leaves_its_folder(text: str) -> None:
    try:
        uri = parse_uri(text)
    except ValueError:
        return
    path = {HubUri: "file", ClaimUri: "path"}.get(type(uri))
    parts = (getattr(uri, path) or "").split("/") if path else []
    assert not set(parts) & {".", ".."}
    assert not (parts[1:] and parts[0] == "")


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("hf://org/name", HubUri("org/name")),
        ("hf://org/name@main", HubUri("org/name", "main")),
        ("hf://org/name@refs%2Fpr%2F1", HubUri("org/name", "refs/pr/1")),
        ("hf://org/name@main/a/b.gguf", HubUri("org/name", "main", "a/b.gguf")),
        ("hf://org/name/a%20b.gguf", HubUri("org/name", None, "a b.gguf")),
        ("pvc://claim", ClaimUri("claim")),
        ("pvc://claim/", ClaimUri("claim")),
        ("pvc://claim/a/b/", ClaimUri("claim", "a/b")),
        ("oci://h:5000/a/b:v1", ImageUri("h:5000/a/b:v1")),
    ],
)
def test_examples(text: str, uri: ModelUri) -> None:
    assert parse_uri(text) == uri


@pytest.mark.parametrize(
    "text",
    [
        "pvc://claim/../x",
        "pvc://claim/%2E%2E/x",
        "pvc://claim/a%2Fb",
        "pvc://claim//x",
        "hf://org/../x",
        "hf://org/name@a/../b.gguf",
        "hf://org/name@",
        "hf://org/name\n",
        "hf://org/.name",
        "HF://org/name",
        "file:///etc/passwd",
        "",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not hf://org/name"):
        parse_uri(text)
