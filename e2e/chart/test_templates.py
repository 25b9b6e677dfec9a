"""The chart as text: what it renders for which values. No cluster."""

import json
from pathlib import Path

import pytest
import yaml

from e2e.chart.rendering import KUBERNETES, OPERATOR, Manifest, Render, container, of_kind, only, part_of, rules
from e2e.command import Command, CommandError
from modelberth.manifests.settings import Settings

REPOSITORY = Path(__file__).parents[2]


def environment(manifests: list[Manifest]) -> dict[str, str | None]:
    return {variable["name"]: variable.get("value") for variable in container(manifests)["env"]}


def settings(manifests: list[Manifest]) -> Settings:
    """The settings file, read the way the operator reads it: an unknown or misspelt key fails."""
    return Settings.model_validate(yaml.safe_load(only(manifests, "ConfigMap")["data"]["config.yaml"]))


# ---------------------------------------------------------------- the chart as a whole


def test_lint_is_clean(helm_offline: Command, chart: str) -> None:
    assert "0 chart(s) failed" in helm_offline("lint", "--strict", chart)


def test_every_object_is_rendered_once_and_in_the_namespace_of_the_release(render: Render) -> None:
    manifests = render()
    names = [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests]
    assert len(names) == len(set(names))
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
    assert {namespace for kind, namespace, _ in names if kind not in cluster_wide} == {"mb"}


def test_names_follow_the_release(render: Render) -> None:
    assert only(render(), "Deployment")["metadata"]["name"] == "modelberth"
    assert only(render("blue"), "Deployment")["metadata"]["name"] == "blue-modelberth"
    assert only(render("blue", fullnameOverride="berth"), "Deployment")["metadata"]["name"] == "berth"


def test_every_value_is_in_the_schema_and_described(chart: str) -> None:
    values = yaml.safe_load(Path(chart, "values.yaml").read_text())
    schema = json.loads(Path(chart, "values.schema.json").read_text())

    def compare(path: str, value: object, node: Manifest) -> None:
        assert node.get("description"), path
        if isinstance(value, dict) and "properties" in node:
            assert node["additionalProperties"] is False, path
            for key, inner in value.items():
                compare(f"{path}.{key}", inner, node["properties"][key])

    for key, value in values.items():
        compare(key, value, schema["properties"][key])
    assert set(schema["properties"]) - set(values) == {"global", "enabled"}  # Helm and parent charts set these


def test_every_value_is_in_the_readme(chart: str) -> None:
    readme = Path(chart, "README.md").read_text()
    schema = json.loads(Path(chart, "values.schema.json").read_text())["properties"]
    for key, node in schema.items():
        for name in [f"{key}.{inner}" for inner in node.get("properties", {})] or [key]:
            assert f"`{name}`" in readme or key in ("global", "enabled"), name


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("logLevel=loud", "logLevel"),
        ("replica=3", "replica"),
        ("hub.endpoint=huggingface.co", "endpoint"),
        ("engineImages.TGI.GPU=x", "TGI"),
        ("image.digest=latest", "digest"),
        ("watchNamespaces={Team_A}", "watchNamespaces"),
        ("autoscaling.intervalSeconds=0", "intervalSeconds"),
        ("activator.holdSeconds=10m", "holdSeconds"),
        ("activator.maxHeldRequest=5", "maxHeldRequest"),
    ],
)
def test_wrong_values_are_refused_by_name(helm_offline: Command, chart: str, value: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        helm_offline("template", "modelberth", chart, f"--kube-version={KUBERNETES}", "--set", value)


# ---------------------------------------------------------------- the operator's pods


def test_the_operator_is_started_with_its_settings(render: Render) -> None:
    args = " ".join(container(render(logLevel="debug", logFormat="text"))["args"])
    assert args == (
        "operator --config /etc/modelberth/config.yaml --log-level debug --log-format text"
        " --scale-interval 10 --activator modelberth-activator"
    )


def test_without_an_activator_the_operator_is_told_of_none(render: Render) -> None:
    args = container(render(activator__enabled=False, autoscaling__intervalSeconds=5))["args"]
    assert args[-2:] == ["--scale-interval", "5"]


def test_pods_are_restricted(render: Render) -> None:
    pod = only(render(), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {volume["name"] for volume in pod["volumes"]} == {"config", "tmp"}


def test_new_settings_roll_the_pods_and_others_do_not(render: Render) -> None:
    def template(**values: object) -> Manifest:
        found: Manifest = only(render(**values), "Deployment")["spec"]["template"]
        return found

    assert template() != template(gpu__labelKey="cloud.google.com/gke-accelerator")
    assert template() == template(replicas=3, serviceMonitor__enabled=True, rbac__aggregate=False)


def test_image_by_tag_by_digest_and_by_default(render: Render) -> None:
    digest = "sha256:" + "0" * 64
    assert container(render())["image"] == "ghcr.io/modelberth/operator:0.1.0"
    assert container(render(image__tag="dev"))["image"] == "ghcr.io/modelberth/operator:dev"
    assert container(render(image__digest=digest))["image"] == f"ghcr.io/modelberth/operator@{digest}"


def test_pod_options_reach_the_pods(render: Render) -> None:
    toleration = {"key": "system", "operator": "Exists"}
    manifests = render(
        podLabels={"team": "ml", "app.kubernetes.io/name": "other"},
        podAnnotations={"note": "1"},
        nodeSelector={"disk": "ssd"},
        tolerations=[toleration],
        affinity={"nodeAffinity": {}},
        priorityClassName="high",
        imagePullSecrets=[{"name": "pull"}],
        extraEnv=[{"name": "TZ", "value": "UTC"}],
    )
    deployment = only(manifests, "Deployment")["spec"]
    template, pod = deployment["template"], deployment["template"]["spec"]
    assert template["metadata"]["labels"]["team"] == "ml"
    assert template["metadata"]["labels"].items() >= deployment["selector"]["matchLabels"].items()
    assert template["metadata"]["annotations"]["note"] == "1"
    assert (pod["nodeSelector"], pod["tolerations"], pod["affinity"]) == (
        {"disk": "ssd"},
        [toleration],
        {"nodeAffinity": {}},
    )
    assert (pod["priorityClassName"], pod["imagePullSecrets"]) == ("high", [{"name": "pull"}])
    assert environment(manifests)["TZ"] == "UTC"


def test_a_budget_only_beside_a_second_replica(render: Render) -> None:
    assert only(render(), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert not of_kind(part_of(render(replicas=1), OPERATOR), "PodDisruptionBudget")


def test_services_and_options_select_the_pods(render: Render) -> None:
    manifests = render(
        serviceMonitor__enabled=True, serviceMonitor__labels={"release": "prom"}, networkPolicy__enabled=True
    )
    labels = only(manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    assert only(manifests, "Service")["spec"]["selector"] == labels
    assert only(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert only(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    monitor = only(manifests, "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prom"
    assert (
        only(manifests, "Service")["metadata"]["labels"].items() >= monitor["spec"]["selector"]["matchLabels"].items()
    )
    assert not of_kind(render(), "ServiceMonitor") + of_kind(render(), "NetworkPolicy")


def test_a_network_policy_restricts_what_it_was_told_to(render: Render) -> None:
    peers: list[Manifest] = [{"namespaceSelector": {}}]
    rules: list[Manifest] = [{"ports": [{"port": 443}]}]
    closed = only(render(networkPolicy={"enabled": True, "from": peers, "egress": rules}), "NetworkPolicy")["spec"]
    assert (closed["policyTypes"], closed["ingress"][0]["from"], closed["egress"]) == (
        ["Ingress", "Egress"],
        peers,
        rules,
    )
    assert only(render(networkPolicy__enabled=True), "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress"]


# ---------------------------------------------------------------- settings


def test_default_settings_are_the_operators_own(render: Render) -> None:
    assert settings(render()) == Settings()


def test_settings_say_what_the_values_say(render: Render) -> None:
    found = settings(
        render(
            watchNamespaces=["team-a"],
            hub__endpoint="http://hub.mirror.svc",
            gpu__labelKey="example.com/gpu",
            engineImages={"vLLM": {"GPU": "r.example.com/vllm:v1"}, "LlamaCpp": {"CPU": "r.example.com/llama:b1"}},
            engineImagePullSecrets=["pull"],
            image={"repository": "r.example.com/operator", "tag": "1", "pullPolicy": "Always"},
            fetcher={"env": {"HF_HUB_DISABLE_XET": "1"}, "caConfigMap": "roots"},
        )
    )
    assert found.watch_namespaces == ["team-a"]
    assert found.hub.endpoint == "http://hub.mirror.svc"
    assert found.gpu.label_key == "example.com/gpu"
    assert found.engine_images == {
        "vLLM": {"GPU": "r.example.com/vllm:v1"},
        "LlamaCpp": {"CPU": "r.example.com/llama:b1"},
    }
    assert found.image_pull_secrets == ["pull"]
    assert (found.fetcher.image, found.fetcher.image_pull_policy) == ("r.example.com/operator:1", "Always")
    assert (found.fetcher.env, found.fetcher.ca_config_map) == ({"HF_HUB_DISABLE_XET": "1"}, "roots")


def test_the_proxy_reaches_operator_and_fetcher(render: Render) -> None:
    manifests = render(
        proxy={"httpsProxy": "http://proxy:3128", "noProxy": ".corp"}, fetcher__env={"HTTP_PROXY": "mine"}
    )
    assert settings(manifests).fetcher.env == {
        "HTTP_PROXY": "mine",
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": ".corp",
    }
    operator = environment(manifests)
    assert operator["HTTPS_PROXY"] == "http://proxy:3128"
    assert operator["NO_PROXY"] == "$(KUBERNETES_SERVICE_HOST),.corp"  # the kubelet fills in the address
    assert "HTTP_PROXY" not in operator


def test_without_a_proxy_there_are_no_proxy_variables(render: Render) -> None:
    manifests = render()
    assert not [name for name in environment(manifests) if "PROXY" in name]
    assert settings(manifests).fetcher.env == {}


def test_a_custom_ca_is_mounted_and_named(render: Render) -> None:
    manifests = render(customCA__configMap="roots")
    mounts = {mount["name"]: mount["mountPath"] for mount in container(manifests)["volumeMounts"]}
    assert environment(manifests)["SSL_CERT_FILE"] == f"{mounts['ca']}/ca.crt"


# ---------------------------------------------------------------- rights


def test_one_cluster_role_by_default(render: Render) -> None:
    manifests = render(rbac__aggregate=False)
    role, binding = only(manifests, "ClusterRole"), only(manifests, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "modelberth", "namespace": "mb"}]
    assert [role["metadata"]["name"] for role in of_kind(manifests, "Role")] == ["modelberth-leader"]


def test_rights_are_the_least(render: Render) -> None:
    granted = rules(only(render(rbac__aggregate=False), "ClusterRole"))
    assert granted["modeldeployments"] == {"get", "list", "watch"}
    assert granted["modeldeployments/status"] == {"patch"}
    assert "delete" not in granted["deployments"] | granted["services"]
    assert granted["endpointslices"] == {"get", "list", "watch", "create", "patch", "delete"}
    assert not {"secrets", "leases", "namespaces", "customresourcedefinitions", "*"} & set(granted)
    assert not {"*", "escalate", "bind", "impersonate"} & {verb for verbs in granted.values() for verb in verbs}
    lease, create = only(render(), "Role")["rules"]
    assert (lease["resources"], lease["resourceNames"], lease["verbs"]) == (
        ["leases"],
        ["modelberth"],
        ["get", "update"],
    )
    assert (create["resources"], create["verbs"]) == (["leases"], ["create"])


def test_namespaced_mode_has_no_cluster_role(render: Render) -> None:
    cluster_wide, manifests = render(rbac__aggregate=False), render(watchNamespaces=["team-a", "team-b"])
    assert not of_kind(manifests, "ClusterRole") + of_kind(manifests, "ClusterRoleBinding")
    own = part_of(manifests, OPERATOR)
    roles = {role["metadata"]["namespace"]: role for role in of_kind(own, "Role")}
    bindings = {binding["metadata"]["namespace"]: binding for binding in of_kind(own, "RoleBinding")}
    assert set(roles) == set(bindings) == {"team-a", "team-b", "mb"}
    assert roles["team-a"]["rules"] == roles["team-b"]["rules"] == only(cluster_wide, "ClusterRole")["rules"]
    assert bindings["team-a"]["subjects"] == [{"kind": "ServiceAccount", "name": "modelberth", "namespace": "mb"}]


def test_people_get_their_rights_by_aggregation(render: Render) -> None:
    roles = {role["metadata"]["name"]: role for role in of_kind(render(), "ClusterRole")}
    aggregate = "rbac.authorization.k8s.io/aggregate-to-"
    view, edit = roles["modelberth-view"], roles["modelberth-edit"]
    assert {label for label in view["metadata"]["labels"] if aggregate in label} == {
        f"{aggregate}{role}" for role in ("view", "edit", "admin")
    }
    assert f"{aggregate}view" not in edit["metadata"]["labels"]
    assert rules(view)["modeldeployments"] == {"get", "list", "watch"}
    assert "modeldeployments/status" not in rules(edit)


def test_rights_and_account_can_be_somebody_elses(render: Render) -> None:
    theirs = {"create": False, "name": "theirs"}
    manifests = render(
        rbac={"create": False, "aggregate": False}, serviceAccount=theirs, activator__serviceAccount=theirs
    )
    assert {m["kind"] for m in manifests} == {
        "ConfigMap",
        "CustomResourceDefinition",
        "Deployment",
        "PodDisruptionBudget",
        "Service",
    }
    accounts = {d["spec"]["template"]["spec"]["serviceAccountName"] for d in of_kind(manifests, "Deployment")}
    assert accounts == {"theirs"}


# ---------------------------------------------------------------- definitions


def test_definitions_are_those_of_the_repository(render: Render, chart: str) -> None:
    """`make generate` copies crds/ into the chart; here only labels and the keep annotation are added."""
    rendered = {crd["metadata"]["name"]: crd for crd in of_kind(render(), "CustomResourceDefinition")}
    generated = sorted((REPOSITORY / "crds").glob("*.yaml"))
    copied = sorted(Path(chart, "files", "crds").glob("*.yaml"))
    assert [path.name for path in copied] == [path.name for path in generated]
    for original, copy in zip(generated, copied, strict=True):
        assert copy.read_text() == original.read_text(), f"{copy} is not {original}: run `make generate`"
        crd = yaml.safe_load(original.read_text())
        assert rendered[crd["metadata"]["name"]]["spec"] == crd["spec"]
    assert len(rendered) == len(generated)


def test_definitions_are_kept_unless_told_otherwise(render: Render) -> None:
    keep = "helm.sh/resource-policy"
    assert only(render(), "CustomResourceDefinition")["metadata"]["annotations"][keep] == "keep"
    let_go = only(render(crds__keep=False), "CustomResourceDefinition")
    assert keep not in let_go["metadata"].get("annotations", {})
    assert not of_kind(render(crds__install=False), "CustomResourceDefinition")
