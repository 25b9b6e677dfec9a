"""Names of entries: the same files are the same name, others never are, and nothing leaves the cache."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelberth.api.uri import HubUri, parse_uri
from modelberth.fetcher.entry_names import ANY, commit_of, entry_name, is_commit, question_name, repo_of
from modelberth.ports.model_files.selection import Wish, select

COMMIT = "c1899de289a04d12100db370d81485cdf75e47ca"
PARTS = st.lists(st.text("aB0_", min_size=1, max_size=4), min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from(["-", ".", ".-", "-."]).map(lambda mark: mark.join(words))
)
REPOS = st.builds("{}/{}".format, PARTS, PARTS)
COMMITS = st.text("0123456789abcdef", min_size=40, max_size=40)
WISHES = st.builds(
    Wish,
    st.sampled_from(["vLLM", "SGLang", "LlamaCpp"]),
    st.none() | st.text(min_size=1, max_size=100),
    st.booleans(),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        (Wish("vLLM"), "model"),
        (Wish("SGLang"), "model"),
        (Wish("SGLang", allow_pickle=True, trust_remote_code=True), "model--pickle--code"),
        (Wish("vLLM", "q/m Q4.gguf"), "model--q-m-Q4.gguf-c839b5a08e6c"),
        (Wish("LlamaCpp"), "gguf"),
        (Wish("LlamaCpp", trust_remote_code=True), "gguf"),
        (Wish("LlamaCpp", "Qwen3-0.6B-Q8_0.gguf"), "gguf--Qwen3-0.6B-Q8_0.gguf-2316181d476c"),
    ],
)
def test_people_read_them(wish: Wish, name: str) -> None:
    assert entry_name("Qwen/Qwen3-0.6B", COMMIT, wish) == f"Qwen--Qwen3-0.6B--{COMMIT}--{name}"


@given(REPOS, COMMITS, WISHES)
def test_a_name_says_repository_and_commit(repo: str, commit: str, wish: Wish) -> None:
    assert parse_uri(f"hf://{repo}") == HubUri(repo)
    name = entry_name(repo, commit, wish)
    assert (repo_of(name), commit_of(name)) == (repo, commit)
    assert "/" not in name
    assert not name.startswith(".")
    assert len(name.encode()) <= len(repo) + 160


@given(st.tuples(REPOS, COMMITS, WISHES), st.tuples(REPOS, COMMITS, WISHES))
def test_others_have_other_names(one: tuple[str, str, Wish], other: tuple[str, str, Wish]) -> None:
    same = entry_name(*one) == entry_name(*other)
    assert not same or (one[:2] == other[:2] and one[2].file == other[2].file)


REPOSITORY = ["config.json", "code.py", "model.safetensors", "old.bin", "a.gguf", "tokenizer.json"]
PICKLED = ["config.json", "code.py", "pytorch_model.bin"]
FILES = st.sampled_from([None, "a.gguf"])


WISHED = st.builds(Wish, st.sampled_from(["vLLM", "SGLang", "LlamaCpp"]), FILES, st.booleans(), st.booleans())


@given(st.sampled_from([REPOSITORY, PICKLED]), WISHED, WISHED)
def test_the_same_name_is_the_same_files(files: list[str], one: Wish, other: Wish) -> None:
    if entry_name("org/m", COMMIT, one) == entry_name("org/m", COMMIT, other):
        # The engine is named in a refusal.
        assert select(files, one) == select(files, replace(other, engine=one.engine))


@given(st.text(max_size=80) | st.from_regex(r"[a-z]+--[a-z]+--[0-9a-f]{40}--.*"))
def test_any_text_is_read(text: str) -> None:
    repo, commit = repo_of(text), commit_of(text)
    assert (repo is None) == (commit is None)
    if repo is not None and commit is not None:
        assert text.startswith(repo.replace("/", "--") + f"--{commit}--")
        assert is_commit(commit)
        assert "/" not in text


@pytest.mark.parametrize(
    ("repo", "commit"),
    [("org/m", "main"), ("org/m", "../.."), ("org/m", COMMIT.upper()), ("org/m", COMMIT + "\n"), ("m", COMMIT)],
)
def test_what_is_no_commit_of_a_repository(repo: str, commit: str) -> None:
    with pytest.raises(ValueError, match="no commit of a repository"):
        entry_name(repo, commit, Wish("vLLM"))


def test_a_pattern_for_all_commits() -> None:
    assert entry_name("org/m", ANY, Wish("LlamaCpp")) == "org--m--*--gguf"


@given(REPOS, st.text(min_size=1), st.text(min_size=1), WISHES)
def test_a_question_has_a_name_of_its_own(repo: str, one: str, other: str, wish: Wish) -> None:
    names = question_name(repo, one, wish), question_name(repo, other, wish)
    assert (names[0] == names[1]) == (one == other)
    assert all("/" not in name and not name.startswith(".") for name in names)
