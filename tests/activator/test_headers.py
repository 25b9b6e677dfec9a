"""Headers that pass a proxy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from modelberth.activator.headers import HOP_BY_HOP, passed_on

NAMES = st.sampled_from(["Host", "Authorization", "X-A", "x-b", "Content-Type", *(name.title() for name in HOP_BY_HOP)])
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
CONNECTION = st.lists(st.sampled_from(["close", "X-A", "x-B", "authorization", "Host", "", "keep-alive"]), max_size=4)


@given(
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=8), connection=CONNECTION, but=st.sampled_from([(), ("x-a",)])
)
def test_what_passes_is_the_rest_in_its_order(
    headers: list[tuple[str, str]], connection: list[str], but: tuple[str, ...]
) -> None:
    sent = [(name, value) for name, value in headers if name != "Connection"]
    given_headers = CIMultiDict([*sent, ("Connection", " , ".join(connection))])
    stay = HOP_BY_HOP | set(but) | ({name.lower() for name in connection} - {"host"})
    assert list(passed_on(given_headers, but).items()) == [one for one in sent if one[0].lower() not in stay]


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\0", "a\x7f", "\udcff"])
def test_a_value_that_cannot_be_written_again(value: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        passed_on(CIMultiDict([("X-A", value)]))


def test_text_and_tabs_pass() -> None:
    headers = CIMultiDict([("X-A", "grün\t1")])
    assert passed_on(headers) == headers
