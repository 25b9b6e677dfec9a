"""What is made of raw objects, case by case."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from modelberth.cli.story.events import MOST, events_of
from modelberth.cli.story.headline import CALM, headline
from modelberth.cli.story.logs import Wanted, wanted_logs
from modelberth.cli.story.next_steps import STEPS, documented, next_step
from modelberth.cli.story.pods import pods_of
from modelberth.cli.story.remarks import remarks
from modelberth.cli.story.seen import Seen
from modelberth.cli.story.surroundings import claims_wanted, endpoints, quota_lines
from modelberth.engines.failures import Reason as EngineReason
from modelberth.ports.hub_problems import Reason as HubReason
from tests.cli.story.cases import CASES, NOW, seen
from tests.cli.story.text import diagnosis_of

DOCS = Path(__file__).parents[3]
OURS = {
    "InvalidSpec",
    "NameConflict",
    "DoesNotFit",
    "UnsupportedHardware",
    "QuotaExceeded",
    "Unschedulable",
    "ImagePullFailed",
    "PodRejected",
    "CrashLoop",
    "StartTimeout",
    "Unhealthy",
    "RelayFailed",
    "PodFailed",
    "NoActivator",
}
"""Reasons of Ready that neither the hub nor an engine gives."""


@pytest.mark.parametrize("reason", sorted({*OURS, *get_args(EngineReason), *get_args(HubReason)}))
def test_every_failure_has_a_next_step(reason: str) -> None:
    assert reason in STEPS


@pytest.mark.parametrize("reason", sorted(STEPS))
def test_a_next_step_leads_to_a_part_of_the_documentation(reason: str) -> None:
    told = replace(headline(seen("crash").resource), reason=reason)
    page, anchor = documented(told).split("#")
    headings = [line[3:] for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
    assert "{" not in next_step(told)


def test_no_calm_reason_has_a_next_step() -> None:
    assert not CALM & set(STEPS)


@pytest.mark.parametrize(
    ("case", "well", "problem"),
    [
        ("serving", True, False),
        ("idle", True, False),
        ("loading", False, False),
        ("crash", False, True),
        ("big", False, True),
        ("older", False, True),
        ("rolled", False, True),
    ],
)
def test_well_is_ready_without_a_problem(case: str, well: bool, problem: bool) -> None:
    told = headline(seen(case).resource)
    assert (told.well, told.problem) == (well, problem)


def changed(case: str, **fields: Any) -> Seen:
    return replace(seen(case), **fields)


def with_meta(case: str, **meta: Any) -> Seen:
    resource = seen(case).resource
    return changed(case, resource={**resource, "metadata": {**resource["metadata"], **meta}})


def told(around: Seen) -> list[str]:
    return list(remarks(around, pods_of(around), NOW))


@pytest.mark.parametrize("case", CASES)
def test_where_everything_goes_together_nothing_is_remarked(case: str) -> None:
    assert told(seen(case)) == []


def test_a_spec_that_the_operator_has_not_seen() -> None:
    around = with_meta("serving", generation=7)
    assert told(around) == ["The status speaks of generation 1 of the spec, which is at 7 by now."]
    assert not headline(around.resource).well


def test_a_resource_that_nobody_has_looked_at() -> None:
    resource = {key: value for key, value in seen("serving").resource.items() if key != "status"}
    around = Seen(resource=resource)
    assert told(around) == ["The operator has not said anything of this resource."]
    text = diagnosis_of(around)
    assert "no status yet" in text
    assert "Is the operator there?" in text


def test_ready_without_an_endpoint() -> None:
    assert told(changed("serving", slices=[])) == ["The status says Ready, but no endpoint of the Service is."]
    assert told(changed("serving", slices=[], refused=frozenset({"endpoints"}))) == []
    assert told(changed("serving", service=None)) == ["The status says Ready, but the Service does not exist."]


def test_an_endpoint_without_ready() -> None:
    around = changed("crash", slices=seen("serving").slices)
    assert told(around) == ["The status does not say Ready, but 1 endpoint of the Service can be reached."]


def test_a_pod_that_does_not_go() -> None:
    [pod] = seen("serving").pods
    gone = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-11-24T01:00:00Z"}}
    around = changed("serving", pods=[gone])
    assert told(around) == [f"The pod {pod['metadata']['name']} should be gone since 8 min. Is its node modelberth up?"]
    assert pods_of(around)[0].state == "Terminating"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ([], ["The PersistentVolumeClaim shared does not exist."]),
        (
            [{"metadata": {"name": "shared"}, "status": {"phase": "Pending"}}],
            ["The PersistentVolumeClaim shared is Pending."],
        ),
        ([{"metadata": {"name": "shared"}, "status": {"phase": "Bound"}}], []),
    ],
)
def test_claims(claims: list[dict[str, Any]], said: list[str]) -> None:
    resource = seen("serving").resource
    cache = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "shared"}}
    resource = {**resource, "spec": {**resource["spec"], "weights": {"cache": cache}}}
    assert told(changed("serving", resource=resource, claims=claims)) == said


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"weights": {"cache": {"type": "PersistentVolumeClaim"}}}, "serving-weights"),
        ({"model": {"uri": "pvc://disk/a/b"}}, "disk"),
    ],
)
def test_claims_that_the_spec_names(spec: dict[str, Any], name: str) -> None:
    resource = {"metadata": {"name": "serving"}, "spec": spec}
    assert claims_wanted(Seen(resource=resource)) == {name}


def test_quotas_that_are_used_up() -> None:
    hard = {"requests.nvidia.com/gpu": "8", "pods": "10", "memory": "10Gi", "cpu": "4"}
    used = {"requests.nvidia.com/gpu": "8", "pods": "2", "memory": "9728Mi", "cpu": "500m"}
    lines = quota_lines([{"metadata": {"name": "team"}, "status": {"hard": hard, "used": used}}])
    assert [(line.resource, line.full) for line in lines] == [("requests.nvidia.com/gpu", True), ("memory", False)]


def test_endpoints_by_their_conditions() -> None:
    slices = [
        {
            "metadata": {},
            "endpoints": [
                {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
                {"addresses": ["10.0.0.2"], "conditions": {}},
                {"addresses": ["10.0.0.3"], "conditions": {"ready": False}},
                {"addresses": ["10.0.0.4"], "conditions": {"ready": False, "serving": True, "terminating": True}},
            ],
        }
    ]
    found = endpoints(slices)
    assert (found.ready, found.not_ready, found.terminating, found.activator) == (2, 1, 1, False)


def event(**fields: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "serving-78988d86cc-gone1"}
    return {"type": "Warning", "reason": "Failed", "involvedObject": about, "message": "no", **fields}


def test_the_same_event_is_told_once_with_its_number() -> None:
    other = {"kind": "Pod", "name": "serving-78988d86cc-gone2"}
    events = [
        event(lastTimestamp="2026-11-24T00:50:00Z", count=3, message="serving-78988d86cc-gone1 failed"),
        event(eventTime="2026-11-24T00:55:00.5Z", involvedObject=other, message="serving-78988d86cc-gone2 failed"),
        event(lastTimestamp="2026-11-24T00:40:00Z", reason="Killing", type="Normal"),
    ]
    found = events_of(changed("serving", events=events))
    assert [(each.reason, each.count, each.name[-5:]) for each in found] == [
        ("Killing", 1, "gone1"),
        ("Failed", 4, "gone2"),
    ]


def test_pods_that_cannot_be_made_are_one_event() -> None:
    """Each try has a name of its own; client-go combines them after ten."""
    sets = {"kind": "ReplicaSet", "name": "serving-78988d86cc"}
    pods = ("aaaaa", "bbbbb", "ccccc")
    messages = [f'Error creating: pods "serving-78988d86cc-{pod}" is forbidden: exceeded quota: none' for pod in pods]
    messages[2] = f"(combined from similar events): {messages[2]}"
    events = [
        event(involvedObject=sets, message=message, lastTimestamp=f"2026-11-24T00:50:0{i}Z", count=i + 1)
        for i, message in enumerate(messages)
    ]
    assert [(each.count, each.message) for each in events_of(changed("serving", events=events))] == [(6, messages[2])]


def test_times_with_and_without_fractions_of_a_second() -> None:
    events = [
        event(reason="Second", eventTime="2026-11-24T00:50:00.900000Z"),
        event(reason="First", lastTimestamp="2026-11-24T00:50:00Z"),
    ]
    assert [each.reason for each in events_of(changed("serving", events=events))] == ["First", "Second"]


def test_what_stops_the_deployment_is_said_where_the_status_does_not() -> None:
    deployment = seen("serving").deployment
    assert deployment
    stuck = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no room"}
    status = {**deployment["status"], "conditions": [stuck]}
    around = changed("serving", deployment={**deployment, "status": status})
    assert told(around) == ["The Deployment makes no progress: FailedCreate: no room"]


def test_events_of_others_are_none_of_its_business() -> None:
    uid = seen("serving").resource["metadata"]["uid"]
    events = [
        event(involvedObject={"kind": "Pod", "name": "serving-two-78988d86cc-aaaaa"}),
        event(involvedObject={"kind": "Deployment", "name": "serving-two"}),
        event(involvedObject={"kind": "ModelDeployment", "name": "serving", "uid": "of-one-that-was-deleted"}),
        event(involvedObject={"kind": "ModelDeployment", "name": "serving", "uid": uid}, reason="Mine"),
    ]
    assert [each.reason for each in events_of(changed("serving", events=events))] == ["Mine"]


def test_the_newest_events_are_told() -> None:
    events = [event(reason=f"R{i}", lastTimestamp=f"2026-11-24T00:{i:02}:00Z") for i in range(40)]
    found = events_of(changed("serving", events=events))
    assert [each.reason for each in found] == [f"R{i}" for i in range(40 - MOST, 40)]


def pod(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": "a", "labels": {}}
    return {"metadata": metadata, "spec": {"containers": [{"name": "engine"}], **spec}, "status": status}


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        (pod({"phase": "Pending"}), "Pending"),
        (pod({"phase": "Failed", "reason": "Evicted", "message": "out of disk"}), "Evicted"),
        (pod({"phase": "Failed"}), "Failed"),
        (
            pod(
                {
                    "phase": "Pending",
                    "initContainerStatuses": [{"name": "fetch", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
                    "containerStatuses": [{"name": "engine", "state": {"waiting": {"reason": "PodInitializing"}}}],
                },
            ),
            "ImagePullBackOff",
        ),
    ],
)
def test_states_of_pods(raw: dict[str, Any], state: str) -> None:
    assert pods_of(Seen(resource=seen("serving").resource, pods=[raw]))[0].state == state


def ended(code: int, **fields: Any) -> dict[str, Any]:
    return {"exitCode": code, "reason": "Error", "finishedAt": "2026-11-24T01:07:00Z", **fields}


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (ended(137, reason="OOMKilled"), "exit code 137 (OOMKilled), killed at its memory limit"),
        (ended(139), "exit code 139 (Error), SIGSEGV: it crashed"),
        (ended(3, reason=""), "exit code 3"),
    ],
)
def test_how_a_container_ended(end: dict[str, Any], words: str) -> None:
    status = {"containerStatuses": [{"name": "engine", "state": {"terminated": end}}]}
    [container] = pods_of(Seen(resource=seen("serving").resource, pods=[pod(status)]))[0].details
    assert container.ended
    assert container.ended.meaning == words


def test_the_report_of_the_fetcher_is_read() -> None:
    report = '{"reason": "ModelGated", "message": "accept the licence", "transient": false}'
    status = {"initContainerStatuses": [{"name": "fetch", "state": {"terminated": ended(1, message=report)}}]}
    text = diagnosis_of(Seen(resource=seen("crash").resource, pods=[pod(status)]))
    assert "ModelGated: accept the licence" in text
    assert "transient" not in text


@pytest.mark.parametrize(
    ("case", "container", "wanted"),
    [
        ("serving", None, []),
        ("serving", "relay", [Wanted("serving-78988d86cc-jj6gq", "relay", previous=False)]),
        ("crash", None, [Wanted("crash-7c56dccfd5-9t7jm", "engine", previous=False)]),
        ("loading", None, [Wanted("loading-6f55f989-664f6", "fetch", previous=False)]),
    ],
)
def test_logs_that_are_worth_reading(case: str, container: str | None, wanted: list[Wanted]) -> None:
    assert wanted_logs(pods_of(seen(case)), container) == wanted


def test_an_engine_that_runs_again_has_its_last_words_in_the_run_before() -> None:
    status = {
        "containerStatuses": [{"name": "engine", "state": {"running": {}}, "lastState": {"terminated": ended(1)}}]
    }
    pods = pods_of(Seen(resource=seen("serving").resource, pods=[pod(status)]))
    assert wanted_logs(pods, None) == [Wanted("a", "engine", previous=True)]


def test_what_was_refused_is_said_and_not_taken_for_nothing() -> None:
    around = Seen(
        resource=seen("crash").resource,
        unseen=("pods: pods is forbidden", "events: events is forbidden"),
        refused=frozenset({"pods", "events", "deployment", "service", "endpoints"}),
    )
    text = diagnosis_of(around)
    assert "pods is forbidden" in text
    assert text.count("not looked up") == 2
    assert "none" not in text


def test_a_log_cannot_steer_the_terminal() -> None:
    [log] = seen("crash").logs
    text = diagnosis_of(changed("crash", logs=(replace(log, lines=("\x1b[31mred [bold]x[/bold]", "y" * 5000)),)))
    assert r"\x1b[31mred [bold]x[/bold]" in text
    assert "\x1b" not in text
    assert text.count("y") < 600
