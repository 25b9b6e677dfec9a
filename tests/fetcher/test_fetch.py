"""`modelberth fetch` against a real HTTP server: what arrives, what is reported, what survives."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelberth.fetcher.machine import Machine

from .conftest import Ended
from .tiny_hub import COMMIT, OTHER_COMMIT, TinyHub, serving

Fetch = Callable[..., Ended]
Spawn = Callable[..., "subprocess.Popen[str]"]
URI = "hf://org/model"
TOKEN = "hf_TopSecretTopSecretTopSecret"
MODEL = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "model-00001-of-00002.safetensors": bytes(range(256)) * 4000,
    "model-00002-of-00002.safetensors": b"\1\2\3" * 100_000,
    "model.safetensors.index.json": b"{}",
}
NOISE = {"README.md": b"# Hello", "pytorch_model.bin": b"pickle", "original/params.json": b"{}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


@pytest.fixture(autouse=True)
def model(hub: TinyHub) -> None:
    hub.files = {**MODEL, **NOISE}


def content(folder: Path) -> dict[str, bytes]:
    """Every file in the folder but hidden ones: the fetcher's record and parts."""
    paths = (path for path in folder.rglob("[!.]*") if path.is_file() and path.parent.name != ".fetch")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def downloads(hub: TinyHub) -> list[str]:
    """The file names that were asked for with GET, with the range where there was one."""
    return [line.split("/", 5)[-1] for line in hub.asked if line.startswith("GET /org/")]


def test_a_model_arrives(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    ended = fetch(URI)
    assert ended == Ended(0, {"commit": COMMIT, "files": 5, "bytes": sum(map(len, MODEL.values()))})
    assert content(folder) == MODEL
    assert not (folder / ".fetch").exists()


def test_again_downloads_nothing(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    first = fetch(URI)
    hub.asked.clear()
    assert fetch(URI) == first
    assert downloads(hub) == []


def test_a_restart_while_the_hub_is_down(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    """A node that reboots runs its init containers again; weights that are there must not wait for the hub."""
    first = fetch(URI)
    hub.refuse = (503, {})
    assert fetch(URI) == first
    assert fetch(URI, "--revision", COMMIT) == first
    assert fetch(f"{URI}@v2").report["reason"] == "HubUnreachable", "another request"
    assert fetch(URI, "--trust-remote-code").report["reason"] == "HubUnreachable"
    (folder / "config.json").write_bytes(b"damaged")
    assert fetch(URI).report["reason"] == "DownloadFailed"
    hub.refuse = (404, {"X-Error-Code": "RepoNotFound"})
    assert fetch(URI).report["reason"] == "ModelNotFound", "an answer, not silence"


def test_what_differs_is_fetched_again(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    fetch(URI)
    weights = folder / "model-00002-of-00002.safetensors"
    weights.write_bytes(b"\0" * weights.stat().st_size)
    (folder / "config.json").write_bytes(b"cut")
    hub.asked.clear()
    assert fetch(URI).status == 0
    assert sorted(downloads(hub)) == ["config.json", "model-00002-of-00002.safetensors"]
    assert content(folder) == MODEL


def test_another_commit_replaces_the_first(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    fetch(URI)
    (folder / "mine.txt").write_text("not the fetcher's")
    hub.commit, hub.files = OTHER_COMMIT, {"config.json": b"{}", "model.safetensors": b"new"}
    assert fetch(URI).report["commit"] == OTHER_COMMIT
    assert content(folder) == {**hub.files, "mine.txt": b"not the fetcher's"}


def test_the_listing_may_lack_sizes(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.without_sizes = True
    hub.corrupt = {"model-00002-of-00002.safetensors"}
    assert fetch(URI).report["reason"] == "CheckpointCorrupt"
    hub.corrupt = set()
    assert fetch(URI).status == 0
    assert content(folder) == MODEL


@pytest.mark.parametrize(
    ("args", "asked"),
    [
        ([URI], "main"),
        ([f"{URI}@v1"], "v1"),
        ([f"{URI}@refs%2Fpr%2F1"], "refs/pr/1"),
        ([f"{URI}@v1", "--revision", "v2"], "v2"),
    ],
)
def test_which_revision(fetch: Fetch, hub: TinyHub, args: list[str], asked: str) -> None:
    hub.revisions |= {"v1", "v2", "refs/pr/1"}
    assert fetch(*args).report["commit"] == COMMIT
    assert hub.asked[0] == f"GET /api/models/org/model/revision/{asked}"
    assert all(f"/resolve/{COMMIT}/" in line for line in hub.asked[1:])


def test_gguf(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.files = {"config.json": b"{}", "q/m-Q4.gguf": b"GGUF", "mmproj.gguf": b"GGUF"}
    assert fetch(URI, engine="LlamaCpp").report["files"] == 1
    link = folder / "model.gguf"
    assert link.is_symlink()
    assert link.readlink() == Path("q/m-Q4.gguf")
    assert link.read_bytes() == b"GGUF"
    assert fetch(URI, engine="LlamaCpp").status == 0, "the link is no obstacle"


def test_a_named_gguf(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.files = {"config.json": b"{}", "a.gguf": b"GGUF", "b.gguf": b"GGUF two"}
    assert fetch(f"{URI}/b.gguf", engine="LlamaCpp").status == 0
    assert content(folder) == {"b.gguf": b"GGUF two"}


@pytest.mark.parametrize(
    ("refuse", "reason", "words"),
    [
        ((404, {"X-Error-Code": "RepoNotFound"}), "ModelNotFound", "or it is private"),
        ((404, {}), "ModelNotFound", "or it is private"),
        ((401, {"X-Error-Code": "RepoNotFound"}), "ModelNotFound", "spec.model.secretRef"),
        ((401, {}), "ModelNotFound", "spec.model.secretRef"),
        ((401, {"X-Error-Code": "GatedRepo"}), "ModelGated", "gated"),
        ((403, {"X-Error-Code": "GatedRepo"}), "ModelGated", "gated"),
        ((403, {}), "ModelGated", "gated"),
        (
            (401, {"X-Error-Message": "Invalid credentials in Authorization header"}),
            "ModelGated",
            "not accept the token",
        ),
        ((404, {"X-Error-Code": "RevisionNotFound"}), "RevisionNotFound", "'main'"),
        ((500, {}), "HubUnreachable", "HTTP 500"),
        ((429, {}), "HubUnreachable", "limits requests"),
        ((200, {}), "HubUnreachable", "does not answer like a model hub"),
    ],
)
def test_refused(fetch: Fetch, hub: TinyHub, refuse: tuple[int, dict[str, str]], reason: str, words: str) -> None:
    hub.refuse = refuse
    ended = fetch(URI)
    assert ended.status == 1
    assert ended.report["reason"] == reason
    assert words in ended.report["message"]
    transient = reason == "HubUnreachable"
    assert len(hub.asked) == (4 if transient else 1)


def test_pickles_need_consent(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"pickle"}
    ended = fetch(URI)
    assert ended.report["reason"] == "UnsupportedModel"
    assert "spec.model.allowPickle" in ended.report["message"]
    assert downloads(hub) == []
    assert fetch(URI, "--allow-pickle").status == 0
    assert content(folder) == hub.files


@pytest.mark.parametrize("uri", ["pvc://claim/path", "oci://image", "nonsense", "hf://org/../x"])
def test_other_uris_are_refused(fetch: Fetch, hub: TinyHub, uri: str) -> None:
    assert fetch(uri).report["reason"] == "UnsupportedModel"
    assert hub.asked == []


def test_broken_connections_are_resumed(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.drop_after = [600_000, 270_000]
    hub.refuse_files = [503]
    assert fetch(URI).status == 0
    assert content(folder) == MODEL
    assert "model-00001-of-00002.safetensors bytes=524288-" in downloads(hub)
    assert hub.sent_bytes < sum(map(len, MODEL.values())) + 2 * (1 << 18), "a break costs one chunk at most"


def test_a_server_without_ranges(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.drop_after, hub.ignore_range = [600_000], True
    assert fetch(URI).status == 0
    assert content(folder) == MODEL


def test_files_that_never_arrive(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.refuse_files = [503] * 100
    ended = fetch(URI)
    assert ended.report["reason"] == "DownloadFailed"
    assert "HTTP 503" in ended.report["message"]
    assert content(folder) == {}


def test_a_hub_that_does_not_answer(fetch: Fetch, hub: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelberth.fetcher.resolve.Source.timeout_s", 0.1)
    monkeypatch.setattr("modelberth.fetcher.resolve.Source.__init__.__defaults__", (hub.endpoint, None, 0.1))
    hub.stall_s = 0.5
    ended = fetch(URI)
    assert ended.report["reason"] == "HubUnreachable"
    assert "no answer in time" in ended.report["message"]


def test_nobody_listens(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://user:password@127.0.0.1:9")
    ended = fetch(URI)
    assert ended.report["reason"] == "HubUnreachable"
    assert "http://127.0.0.1:9" in ended.report["message"]
    assert "password" not in json.dumps(ended.report)


def test_wrong_content_is_never_put_in_place(fetch: Fetch, hub: TinyHub, folder: Path) -> None:
    hub.corrupt = {"model-00002-of-00002.safetensors"}
    ended = fetch(URI)
    assert ended.report["reason"] == "CheckpointCorrupt"
    assert "model-00002-of-00002.safetensors" in ended.report["message"]
    assert not (folder / "model-00002-of-00002.safetensors").exists()
    assert downloads(hub).count("model-00002-of-00002.safetensors") == 2, (
        "once more from the start, then it is the source"
    )
    hub.corrupt = set()
    assert fetch(URI).status == 0


def test_a_full_disk_is_seen_before_the_first_byte(fetch: Fetch, hub: TinyHub) -> None:
    ended = fetch(URI, machine=Machine(free_bytes=lambda folder: 20 << 20))
    assert ended.status == 0
    ended = fetch(f"{URI}@main", "--revision", COMMIT, machine=Machine(free_bytes=lambda folder: 0))
    assert ended.status == 0, "everything is there: nothing is needed"


def test_not_enough_disk(fetch: Fetch, hub: TinyHub) -> None:
    ended = fetch(URI, machine=Machine(free_bytes=lambda folder: 1 << 20))
    assert ended.report["reason"] == "NotEnoughDisk"
    assert "1.0 MiB are free" in ended.report["message"]
    assert downloads(hub) == []


def test_a_disk_that_fills_up(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("modelberth.fetcher.download._Part.write", full)
    assert fetch(URI).report["reason"] == "NotEnoughDisk"


def test_a_mistake_of_ours_is_reported(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("modelberth.fetcher.fetching.select", lambda *_: 1 / 0)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    ended = fetch(URI)
    assert ended.status == 1
    assert "ZeroDivisionError" in ended.report["message"]
    assert "Traceback" in capsys.readouterr().err


def test_killed_and_restarted(spawn: Spawn, hub: TinyHub, folder: Path) -> None:
    """kill -9 in the middle of a file, as when a node runs out of memory: the rest is downloaded, not all of it."""
    weights = bytes(range(256)) * 4 * 20_000
    hub.files = {"config.json": b"{}", "model.safetensors": weights}
    hub.bytes_per_s = 12e6
    first = spawn(URI)
    deadline = time.monotonic() + 30
    while not any(part.stat().st_size > 5 << 20 for part in folder.glob(".fetch/*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    first.kill()
    first.communicate()
    assert not (folder / "model.safetensors").exists()
    hub.bytes_per_s = None
    hub.asked.clear()
    second = spawn(URI)
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 0, output
    assert (folder / "model.safetensors").read_bytes() == weights
    (resumed,) = [line for line in downloads(hub) if line.startswith("model.safetensors")]
    assert int(resumed.split("bytes=")[1].rstrip("-")) > 5 << 20
    assert not any("config.json" in line for line in downloads(hub))


def test_sigterm_ends_it_at_once(spawn: Spawn, hub: TinyHub) -> None:
    hub.bytes_per_s = 100_000
    process = spawn(URI)
    assert process.stdout
    while "Commit" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 128 + signal.SIGTERM


def test_progress_is_readable(spawn: Spawn, hub: TinyHub) -> None:
    hub.bytes_per_s = 400_000
    output, _ = spawn(URI).communicate(timeout=30)
    lines = output.splitlines()
    assert lines[0].startswith("Asking http://127.0.0.1")
    assert lines[1].startswith(f"Commit {COMMIT}: 5 files, 1.3 MiB, to ")
    assert any(" MB/s, " in line for line in lines[2:-2])
    assert lines[-2].startswith("1.3 MiB of 1.3 MiB (100 %), ")
    assert lines[-1].startswith("Done: 5 files, ")
    assert "\r" not in output


def test_the_token_appears_nowhere(spawn: Spawn, hub: TinyHub, tmp_path: Path) -> None:
    outputs = []
    for refuse in (
        None,
        (401, {"X-Error-Message": f"Invalid credentials in Authorization header Bearer {TOKEN}"}),
        (403, {"X-Error-Message": TOKEN, "X-HF-Warning": f"auth; {TOKEN}"}),
        (400, {"X-Error-Message": TOKEN}),
    ):
        hub.refuse = refuse
        output, _ = spawn(URI, HF_TOKEN=TOKEN, HF_DEBUG="1").communicate(timeout=30)
        outputs += [output, (tmp_path / "termination-log").read_text()]
    assert hub.tokens == {f"Bearer {TOKEN}"}, "it was sent"
    assert all(TOKEN not in output for output in outputs), outputs
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_the_token_stays_at_the_hub(fetch: Fetch, hub: TinyHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights come from a CDN behind a signed redirect: it must not see the token, nor a report the signature."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serving(TinyHub(files=hub.files)) as cdn:
        hub.cdn = cdn.endpoint
        assert fetch(URI).status == 0
        assert content(folder) == MODEL
        assert cdn.tokens == {""}
        assert hub.tokens == {f"Bearer {TOKEN}"}
        cdn.refuse = (403, {})
        (folder / "model-00001-of-00002.safetensors").unlink()
        ended = fetch(URI)
        assert ended.status == 1
        assert "signed" not in json.dumps(ended.report)


def test_proxies_are_used(spawn: Spawn, hub: TinyHub, folder: Path) -> None:
    process = spawn(URI, HF_ENDPOINT="http://hub.invalid", HTTP_PROXY=hub.endpoint)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert content(folder) == MODEL


@pytest.fixture
def private(tmp_path: Path) -> Iterator[TinyHub]:
    """A hub whose certificate no system trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    certificate, key = str(tmp_path / "ca.crt"), str(tmp_path / "ca.key")
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hub"]
    argv += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(argv, check=True, capture_output=True)
    with serving(TinyHub(files=MODEL, certificate=(certificate, key))) as served:
        yield served


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_ca(spawn: Spawn, private: TinyHub, folder: Path, variable: str) -> None:
    assert private.certificate
    process = spawn(URI, HF_ENDPOINT=private.endpoint, **{variable: private.certificate[0]})
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert content(folder) == MODEL


def test_an_unknown_ca(fetch: Fetch, private: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", private.endpoint)
    ended = fetch(URI)
    assert ended.report["reason"] == "HubUnreachable"
    assert "fetcher.caConfigMap" in ended.report["message"]
