"""`modelberth status` and `diagnose` against an API server."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from modelberth.cli.main import plugin
from tests.cli.command import Done, modelberth
from tests.cli.story.api import OURS, Api, api_of, serving, write_kubeconfig
from tests.cli.story.cases import CASES, seen

NAMESPACE = "c-story"


@pytest.fixture
def api(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Knows the case that the test names, crash unless it does; KUBECONFIG leads to it."""
    with serving(api_of(seen(getattr(request, "param", "crash")))) as made:
        file = write_kubeconfig(tmp_path / "kubeconfig", "here", here=(made.url, NAMESPACE))
        monkeypatch.setenv("KUBECONFIG", str(file))
        yield made


def asked(*args: str, code: int = 0) -> Done:
    done = modelberth(*args)
    assert done.code == code, done.err
    return done


@pytest.mark.parametrize(("api", "name"), [(case, case) for case in CASES], indirect=["api"])
def test_exit_codes_say_whether_it_is_well(api: Api, name: str) -> None:
    code = 0 if name in ("serving", "idle") else 1
    assert asked("status", name, code=code).out.startswith(f"{NAMESPACE}/{name}: ")
    assert asked("diagnose", name, code=code).out.startswith(f"{NAMESPACE}/{name}: ")
    assert asked("status", code=code).out.splitlines()[1].split()[0] == name


def test_a_diagnosis_reads_and_never_asks_for_secrets(api: Api) -> None:
    done = asked("diagnose", "crash", code=1)
    assert "invalid argument: --no-such-flag-at-all" in done.out
    assert "Not looked up" not in done.out
    assert not [path for path in api.asked if "secrets" in path]
    assert api.tokens == {"Bearer token-of-here"}
    [log] = [path for path in api.asked if "/log" in path]
    assert "container=engine" in log
    assert "tailLines=20" in log


@pytest.mark.parametrize("api", ["serving"], indirect=True)
def test_the_log_of_a_container_that_is_well_is_there_on_request(api: Api) -> None:
    api.logs["serving-78988d86cc-jj6gq", "relay"] = "listening\n"
    assert "listening" not in asked("diagnose", "serving").out
    assert "listening" in asked("diagnose", "serving", "-c", "relay").out


def test_what_is_forbidden_is_said_in_a_line_and_the_rest_goes_on(api: Api) -> None:
    api.forbidden = {"events", "log", "resourcequotas"}
    done = asked("diagnose", "crash", code=1)
    [_, unseen] = done.out.split("Not looked up\n")
    said = [line for line in unseen.splitlines() if "is forbidden" in line]
    assert sorted(line.split(":")[0].strip() for line in said) == ["events", "logs", "quotas"]
    assert "CrashLoopBackOff" in done.out
    assert "EngineArgsRejected" in unseen


def test_of_a_service_account_that_may_look_at_the_resource_alone(api: Api) -> None:
    api.forbidden = {"pods", "events", "resourcequotas", "deployments", "replicasets", "services", "endpointslices"}
    done = asked("diagnose", "crash", code=1)
    assert "What to do" in done.out
    assert done.out.count("is forbidden") == 7 + 1, "the pods of the engine, and those of errands"


@pytest.mark.parametrize("command", ["status", "diagnose"])
def test_json(api: Api, command: str) -> None:
    record = json.loads(asked(command, "crash", "-o", "json", code=1).out)
    assert (record["namespace"], record["name"]) == (NAMESPACE, "crash")
    assert (record["ready"], record["reason"], record["problem"]) == ("False", "EngineArgsRejected", True)
    assert record["nextStep"]
    assert record["documentation"] == "docs/troubleshooting.md#the-engine"
    assert record["status"] == seen("crash").resource["status"]


def test_json_of_a_diagnosis_has_what_the_text_has(api: Api) -> None:
    record = json.loads(asked("diagnose", "crash", "-o", "json", code=1).out)
    [pod] = record["pods"]
    engine = next(each for each in pod["details"] if each["name"] == "engine")
    assert (pod["readyContainers"], pod["state"]) == (1, "CrashLoopBackOff")
    assert engine["ended"]["exitCode"] == 1
    assert record["deployment"]["wanted"] == 1
    assert record["endpoints"] == {"ready": 0, "notReady": 1, "terminating": 0, "activator": False}
    assert record["logs"][0]["lines"][-1] == "error: invalid argument: --no-such-flag-at-all"
    assert [event["reason"] for event in record["events"]]
    assert record["unseen"] == record["remarks"] == []


def test_lists(api: Api) -> None:
    assert asked("status", "-A", code=1).out.splitlines()[1].split()[:2] == [NAMESPACE, "crash"]
    [record] = json.loads(asked("status", "-o", "json", code=1).out)
    assert record["well"] is False
    assert asked("status", "-n", "empty").out == "No ModelDeployments.\n"
    assert json.loads(asked("status", "-n", "empty", "-o", "json").out) == []


def test_one_that_is_not_there(api: Api) -> None:
    done = asked("status", "nobody", code=4)
    assert (done.out, done.err) == ("", 'there is no ModelDeployment "nobody" in namespace "c-story"\n')


@pytest.mark.parametrize("args", [("status", "crash"), ("status",), ("diagnose", "crash")])
def test_a_cluster_without_modelberth(api: Api, args: tuple[str, ...]) -> None:
    api.answers = {path: answer for path, answer in api.answers.items() if not path.startswith(OURS)}
    assert "Modelberth is not installed in this cluster" in asked(*args, code=4).err


def test_a_resource_that_may_not_be_read(api: Api) -> None:
    api.forbidden = {"modeldeployments"}
    assert "is forbidden" in asked("diagnose", "crash", code=4).err


def test_an_api_server_that_does_not_answer(tmp_path: Path) -> None:
    file = write_kubeconfig(tmp_path / "k", "gone", gone=("http://127.0.0.1:1", "a"))
    done = asked("status", "crash", "--kubeconfig", str(file), code=4)
    assert done.err.startswith("the API server cannot be asked: ")


@pytest.mark.parametrize("text", ["", "{", "[]", "a: b", "current-context: x"])
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "k"
    file.write_text(text)
    assert str(file) in asked("status", "--kubeconfig", str(file), code=4).err


def test_no_kubeconfig(tmp_path: Path) -> None:
    assert "is no file" in asked("status", "--kubeconfig", str(tmp_path / "none"), code=4).err


def test_the_context_decides_on_cluster_user_and_namespace(api: Api, tmp_path: Path) -> None:
    servers = {"here": (api.url, "empty"), "there": (api.url, NAMESPACE)}
    file = str(write_kubeconfig(tmp_path / "k", "here", **servers))
    assert asked("status", "--kubeconfig", file).out == "No ModelDeployments.\n"
    assert api.tokens == {"Bearer token-of-here"}
    assert asked("status", "crash", "--kubeconfig", file, "--context", "there", code=1).out
    assert "Bearer token-of-there" in api.tokens
    assert "nowhere" in asked("status", "--kubeconfig", file, "--context", "nowhere", code=4).err


def test_of_several_kubeconfigs_the_first_current_context_counts(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_kubeconfig(tmp_path / "1", "one", one=(api.url, NAMESPACE))
    second = write_kubeconfig(tmp_path / "2", "two", two=("http://127.0.0.1:1", "elsewhere"))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(("", str(tmp_path / "none"), str(first), str(second))))
    assert asked("status", "crash", code=1).out


@pytest.mark.parametrize(
    "args",
    [
        ("diagnose",),
        ("status", "a", "b"),
        ("status", "a", "-A"),
        ("status", "-w", "-o", "json"),
        ("status", "-o", "yaml"),
    ],
)
def test_wrong_usage(args: tuple[str, ...]) -> None:
    done = asked(*args, code=2)
    assert f"usage: modelberth {args[0]}" in done.err


def test_watch_shows_what_changes_until_it_is_interrupted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelberth.cli.status.WATCH_S", 0.0)
    path = f"{OURS}/namespaces/{NAMESPACE}/modeldeployments/crash"
    first = seen("crash").resource
    second = {**seen("older").resource, "metadata": {**first["metadata"], "resourceVersion": "2"}}
    looks = iter([first, first, second])

    def answer(target: str) -> tuple[int, str]:
        assert target == path
        try:
            return 200, json.dumps(next(looks))
        except StopIteration:
            return 403, json.dumps({"message": "enough"})

    monkeypatch.setattr(api, "answer", answer)
    done = asked("status", "crash", "--watch", code=4)
    assert done.out.count(f"{NAMESPACE}/crash: ") == 2, "once for each version"
    assert "enough" in done.err


def test_an_errand_of_somebody_else_is_none_of_ours(api: Api) -> None:
    mine = seen("crash").resource["metadata"]["uid"]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/crash-facts"
    for uid, there in (("another", False), (mine, True)):
        meta = {"name": "crash-facts", "labels": {"modelberth.dev/facts": "crash"}, "ownerReferences": [{"uid": uid}]}
        api.answers[path] = {"metadata": meta, "spec": {"containers": [{"name": "facts"}]}, "status": {}}
        assert ("reads facts" in asked("diagnose", "crash", code=1).out) == there


def test_lists_of_many_pages(api: Api) -> None:
    events = seen("crash").events
    pages = [{"metadata": {"continue": "next"}, "items": events[:1]}, {"metadata": {}, "items": events[1:]}]
    usual = api.answer

    def answer(target: str) -> tuple[int, str]:
        if "/events" in target:
            return 200, json.dumps(pages["continue=next" in target])
        return usual(target)

    with patch.object(api, "answer", answer):
        paged = asked("diagnose", "crash", "-o", "json", code=1).out
    assert json.loads(paged)["events"] == json.loads(asked("diagnose", "crash", "-o", "json", code=1).out)["events"]


def test_as_a_plugin_it_is_named_as_kubectl_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    with patch("sys.argv", ["kubectl-modelberth", "diagnose", "--help"]), pytest.raises(SystemExit) as ended:
        plugin()
    assert ended.value.code == 0
    assert "usage: kubectl modelberth diagnose" in capsys.readouterr().out


def test_a_pod_that_is_gone_by_the_time_of_its_log_is_no_failure(api: Api) -> None:
    api.logs.clear()
    done = asked("diagnose", "crash", code=1)
    assert "Last words" not in done.out
    assert "Not looked up" not in done.out


def test_a_claim_that_pods_mount_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    around = seen("crash")
    cache = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"size": "1Gi"}}
    spec = {**around.resource["spec"], "weights": {"cache": cache}}
    with serving(api_of(replace(around, resource={**around.resource, "spec": spec}))) as api:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "k", "a", a=(api.url, NAMESPACE))))
        assert "The PersistentVolumeClaim crash-weights does not exist." in asked("diagnose", "crash", code=1).out
