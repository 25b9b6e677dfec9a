"""The activator's part of the chart as text. No cluster."""

import pytest

from e2e.chart.rendering import (
    ACTIVATOR,
    OPERATOR,
    Manifest,
    Render,
    container,
    of_kind,
    only,
    parsed,
    part_of,
    rules,
)

READ = {"endpointslices": {"get", "list", "watch"}}
PEERS: list[Manifest] = [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]


def pod(manifests: list[Manifest]) -> Manifest:
    found: Manifest = only(manifests, "Deployment", ACTIVATOR)["spec"]["template"]["spec"]
    return found


def options(manifests: list[Manifest]) -> dict[str, str]:
    """Of its command line, by name."""
    command, *args = container(manifests, ACTIVATOR)["args"]
    assert command == "activator"
    return dict(zip(args[::2], args[1::2], strict=True))


def subjects(manifests: list[Manifest], kind: str, part: str) -> dict[tuple[str | None, str], str]:
    """Account by namespace and role of every binding of that kind."""
    found = {}
    for binding in of_kind(part_of(manifests, part), kind):
        (subject,) = binding["subjects"]
        assert subject["namespace"] == "mb"
        found[binding["metadata"].get("namespace"), binding["roleRef"]["name"]] = subject["name"]
    return found


# ---------------------------------------------------------------- how it is started


def test_it_is_started_with_its_settings_and_bounds(render: Render) -> None:
    assert options(render(logLevel="debug", logFormat="text")) == {
        "--config": "/etc/modelberth/config.yaml",
        "--port": "8081",
        "--max-requests-per-model": "500",
        "--max-requests": "2000",
        "--max-bytes-per-model": "67108864",
        "--max-bytes": "268435456",
        "--hold": "600",
        "--log-level": "debug",
        "--log-format": "text",
    }
    assert pod(render())["volumes"] == [{"name": "config", "configMap": {"name": "modelberth-config"}}]


def test_bounds_are_those_of_the_values(render: Render) -> None:
    """The largest ones too: Helm would write them as 1e+12."""
    bounds = {
        "maxHeldRequestsPerModel": 1,
        "maxHeldRequests": 2_000_000,
        "maxHeldBytesPerModel": 3,
        "maxHeldBytes": 10**12,
    }
    found = options(render(activator={**bounds, "holdSeconds": 4}))
    assert [found[f"--{name}"] for name in ("max-requests-per-model", "max-requests")] == ["1", "2000000"]
    assert [found[f"--{name}"] for name in ("max-bytes-per-model", "max-bytes")] == ["3", "1000000000000"]
    assert found["--hold"] == "4"


def test_the_charts_defaults_are_the_commands_own(render: Render) -> None:
    given, own = vars(parsed(container(render(), ACTIVATOR)["args"])), vars(parsed(["activator"]))
    assert {**given, "config": None} == own


def test_the_operator_is_told_the_name_of_its_service(render: Render) -> None:
    manifests = render("blue", autoscaling__intervalSeconds=30)
    told = parsed(container(manifests)["args"])
    assert told.activator == only(manifests, "Service", ACTIVATOR)["metadata"]["name"] == "blue-modelberth-activator"
    assert told.scale_interval == 30


def test_its_ports_are_the_same_everywhere(render: Render) -> None:
    manifests = render()
    (served,) = only(manifests, "Service", ACTIVATOR)["spec"]["ports"]
    (declared,) = container(manifests, ACTIVATOR)["ports"]
    assert options(manifests)["--port"] == str(served["port"]) == str(declared["containerPort"])
    assert served["targetPort"] == declared["name"]
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container(manifests, ACTIVATOR)[probe]["httpGet"] == {"path": path, "port": declared["name"]}


# ---------------------------------------------------------------- its pods


@pytest.mark.parametrize("hold_s", [1, 600, 3600])
def test_the_grace_period_outlasts_every_held_request(render: Render, hold_s: int) -> None:
    """But a process that hangs is killed without it."""
    manifests = render(activator__holdSeconds=hold_s)
    assert pod(manifests)["terminationGracePeriodSeconds"] == hold_s + 60
    for probe in ("startupProbe", "livenessProbe"):
        assert container(manifests, ACTIVATOR)[probe]["terminationGracePeriodSeconds"] == 10


def test_a_new_pod_comes_before_an_old_one_goes(render: Render) -> None:
    deployment = only(render(), "Deployment", ACTIVATOR)["spec"]
    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_image_and_security_are_the_operators(render: Render) -> None:
    manifests = render(
        image={"repository": "r.example.com/operator", "tag": "1", "pullPolicy": "Always"},
        imagePullSecrets=[{"name": "pull"}],
        podSecurityContext={"fsGroup": 7},
    )
    operator = only(manifests, "Deployment")["spec"]["template"]["spec"]
    for key in ("securityContext", "imagePullSecrets", "automountServiceAccountToken", "enableServiceLinks"):
        assert pod(manifests)[key] == operator[key], key
    for key in ("image", "imagePullPolicy", "securityContext"):
        assert container(manifests, ACTIVATOR)[key] == container(manifests)[key], key
    assert pod(render())["securityContext"]["runAsNonRoot"] is True


def test_it_needs_no_proxy_no_home_and_no_temporary_files(render: Render) -> None:
    manifests = render(proxy__httpsProxy="http://proxy:3128", customCA__configMap="roots")
    assert "env" not in container(manifests, ACTIVATOR)
    assert [mount["mountPath"] for mount in container(manifests, ACTIVATOR)["volumeMounts"]] == ["/etc/modelberth"]


def test_new_settings_roll_its_pods_and_others_do_not(render: Render) -> None:
    def template(**values: object) -> Manifest:
        found: Manifest = only(render(**values), "Deployment", ACTIVATOR)["spec"]["template"]
        return found

    assert template() != template(watchNamespaces=["team-a"])
    assert template() == template(activator__replicas=3, replicas=3, serviceMonitor__enabled=True, podLabels={"a": "b"})


def test_pod_options_are_its_own(render: Render) -> None:
    toleration = {"key": "system", "operator": "Exists"}
    placement = {"nodeSelector": {"disk": "ssd"}, "tolerations": [toleration], "affinity": {"nodeAffinity": {}}}
    labels = {"team": "ml", "app.kubernetes.io/name": "other"}
    manifests = render(
        activator={
            **placement,
            "priorityClassName": "high",
            "podLabels": labels,
            "podAnnotations": {"note": "1"},
            "resources": {"limits": {"memory": "2Gi"}},
        }
    )
    deployment = only(manifests, "Deployment", ACTIVATOR)["spec"]
    template = deployment["template"]
    assert {key: pod(manifests)[key] for key in placement} == placement
    assert pod(manifests)["priorityClassName"] == "high"
    assert template["metadata"]["labels"]["team"] == "ml"
    assert template["metadata"]["labels"].items() >= deployment["selector"]["matchLabels"].items()
    assert template["metadata"]["annotations"]["note"] == "1"
    assert container(manifests, ACTIVATOR)["resources"]["limits"] == {"memory": "2Gi"}
    assert only(manifests, "Deployment") == only(render(), "Deployment")


@pytest.mark.parametrize("release", ["modelberth", "a-release-whose-name-is-as-long-as-helm-lets-it-be-x"])
@pytest.mark.parametrize("name", ["", "a-name-that-is-just-as-long-as-kubernetes-lets-a-label-value-be"])
def test_neither_part_selects_the_others_pods(render: Render, release: str, name: str) -> None:
    manifests = render(release, nameOverride=name, networkPolicy__enabled=True, serviceMonitor__enabled=True)
    deployments = [deployment["spec"] for deployment in of_kind(manifests, "Deployment")]
    pods = [deployment["template"]["metadata"]["labels"] for deployment in deployments]
    spreads = [spread for d in deployments for spread in d["template"]["spec"]["topologySpreadConstraints"]]
    selectors = [
        *(deployment["selector"]["matchLabels"] for deployment in deployments),
        *(spread["labelSelector"]["matchLabels"] for spread in spreads),
        *(service["spec"]["selector"] for service in of_kind(manifests, "Service")),
        *(budget["spec"]["selector"]["matchLabels"] for budget in of_kind(manifests, "PodDisruptionBudget")),
        *(policy["spec"]["podSelector"]["matchLabels"] for policy in of_kind(manifests, "NetworkPolicy")),
    ]
    assert len(selectors) == 5 * len(pods) == 10
    for selector in selectors:
        assert len([labels for labels in pods if labels.items() >= selector.items()]) == 1, selector
    names = [m["metadata"]["name"] for m in of_kind(manifests, "Service")]
    values = [value for labels in pods for value in labels.values()]
    assert max(map(len, names + values)) <= 63


# ---------------------------------------------------------------- what is around it


def test_its_service_is_headless_and_names_ready_pods_only(render: Render) -> None:
    spec = only(render(), "Service", ACTIVATOR)["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", False)


def test_services_and_options_select_its_pods(render: Render) -> None:
    manifests = render(
        serviceMonitor={"enabled": True, "labels": {"release": "prom"}, "interval": "5s"}, networkPolicy__enabled=True
    )
    labels = only(manifests, "Deployment", ACTIVATOR)["spec"]["selector"]["matchLabels"]
    service, monitor = only(manifests, "Service", ACTIVATOR), only(manifests, "ServiceMonitor", ACTIVATOR)
    assert service["spec"]["selector"] == labels
    assert only(manifests, "PodDisruptionBudget", ACTIVATOR)["spec"]["selector"]["matchLabels"] == labels
    assert only(manifests, "NetworkPolicy", ACTIVATOR)["spec"]["podSelector"]["matchLabels"] == labels
    assert monitor["metadata"]["labels"]["release"] == "prom"
    assert service["metadata"]["labels"].items() >= monitor["spec"]["selector"]["matchLabels"].items()
    assert monitor["spec"]["endpoints"] == [
        {"port": service["spec"]["ports"][0]["name"], "path": "/metrics", "interval": "5s"}
    ]


@pytest.mark.parametrize(("replicas", "budgets"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_a_budget_only_beside_a_second_replica(render: Render, replicas: int, budgets: int) -> None:
    found = of_kind(part_of(render(activator__replicas=replicas), ACTIVATOR), "PodDisruptionBudget")
    assert [budget["spec"]["maxUnavailable"] for budget in found] == [1] * budgets


def test_without_it_nothing_of_it_is_there(render: Render) -> None:
    manifests = render(activator__enabled=False, networkPolicy__enabled=True, serviceMonitor__enabled=True)
    assert not part_of(manifests, ACTIVATOR)
    everything = render(networkPolicy__enabled=True, serviceMonitor__enabled=True)
    changed = [m for m in part_of(everything, OPERATOR) if m not in manifests]
    assert [m["kind"] for m in changed] == ["Deployment"], "the operator's own, by one argument"


# ---------------------------------------------------------------- network policy


def test_everyone_may_come_in_by_default_but_to_its_ports_only(render: Render) -> None:
    spec = only(render(networkPolicy__enabled=True), "NetworkPolicy", ACTIVATOR)["spec"]
    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == [
        {"ports": [{"port": "http", "protocol": "TCP"}]},
        {"ports": [{"port": 10000, "endPort": 32767, "protocol": "TCP"}]},
    ]


def test_peers_are_told_apart(render: Render) -> None:
    """Those of metrics and those of models. The operator always reaches the first."""
    metrics: list[Manifest] = [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    manifests = render(
        networkPolicy={"enabled": True, "from": metrics, "egress": [{"ports": [{"port": 443}]}]},
        activator__networkPolicy={"from": PEERS},
    )
    admin, models = only(manifests, "NetworkPolicy", ACTIVATOR)["spec"]["ingress"]
    operator = only(manifests, "Deployment")["spec"]["selector"]
    assert admin["from"] == [{"podSelector": operator}, *metrics]
    assert models["from"] == PEERS
    assert only(manifests, "NetworkPolicy")["spec"]["ingress"] == [
        {"ports": [{"port": "http", "protocol": "TCP"}], "from": metrics}
    ]


# ---------------------------------------------------------------- rights


def test_in_the_cluster_it_reads_endpoint_slices_and_nothing_else(render: Render) -> None:
    manifests = render()
    role = only(manifests, "ClusterRole", ACTIVATOR)
    assert rules(role) == READ
    assert subjects(manifests, "ClusterRoleBinding", ACTIVATOR) == {(None, role["metadata"]["name"]): ACTIVATOR}
    assert not of_kind(part_of(manifests, ACTIVATOR), "Role")
    assert only(manifests, "ServiceAccount", ACTIVATOR)["metadata"]["name"] == ACTIVATOR


def test_namespaced_it_reads_them_where_models_are_served(render: Render) -> None:
    manifests = render(watchNamespaces=["team-a", "team-b"])
    assert not of_kind(manifests, "ClusterRole") + of_kind(manifests, "ClusterRoleBinding")
    roles = of_kind(part_of(manifests, ACTIVATOR), "Role")
    assert {role["metadata"]["namespace"] for role in roles} == {"team-a", "team-b"}
    assert all(rules(role) == READ for role in roles)
    assert subjects(manifests, "RoleBinding", ACTIVATOR) == {
        ("team-a", ACTIVATOR): ACTIVATOR,
        ("team-b", ACTIVATOR): ACTIVATOR,
    }


def test_namespaced_the_operator_finds_it_in_its_own_namespace(render: Render) -> None:
    """And no role of the release overwrites another where that namespace is served as well."""
    manifests = render(watchNamespaces=["mb"])
    roles = {role["metadata"]["name"]: rules(role) for role in of_kind(manifests, "Role")}
    assert len(roles) == len(of_kind(manifests, "Role")) == 4
    assert roles["modelberth-discovery"] == roles[ACTIVATOR] == READ
    assert subjects(manifests, "RoleBinding", OPERATOR)["mb", "modelberth-discovery"] == OPERATOR
    assert not [r for r in of_kind(render(), "Role") if "discovery" in r["metadata"]["name"]], "the ClusterRole has it"


def test_an_account_of_another_name_gets_the_rights(render: Render) -> None:
    manifests = render(activator__serviceAccount={"create": True, "name": "doors"})
    assert pod(manifests)["serviceAccountName"] == "doors"
    assert only(manifests, "ServiceAccount", ACTIVATOR)["metadata"]["name"] == "doors"
    assert set(subjects(manifests, "ClusterRoleBinding", ACTIVATOR).values()) == {"doors"}
