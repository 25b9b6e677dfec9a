"""The webhook's part of the chart as text. No cluster."""

import re

import pytest
import yaml

from e2e.chart.rendering import KUBERNETES, Manifest, Render, container, of_kind, only, parsed, rules
from e2e.command import Command, CommandError
from modelberth.ports.admission import WEBHOOK
from modelberth.webhook.server import PATH

NAME = "modelberth-webhook"
CERT_MANAGER = {"enabled": True, "certManager": {"enabled": True}}


def added(render: Render, **values: object) -> list[Manifest]:
    """Objects that the value brings beside those that are there anyway."""
    before = {(m["kind"], m["metadata"]["name"]) for m in render()}
    return [m for m in render(**values) if (m["kind"], m["metadata"]["name"]) not in before]


def configuration(manifests: list[Manifest]) -> Manifest:
    (webhook,) = only(manifests, "ValidatingWebhookConfiguration")["webhooks"]
    found: Manifest = webhook
    return found


def test_it_is_off_by_default(render: Render) -> None:
    assert "webhook" not in yaml.safe_dump_all([m for m in render() if m["kind"] != "CustomResourceDefinition"])


def test_it_never_holds_a_write_up(render: Render) -> None:
    webhook = configuration(render(webhook__enabled=True))
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"], webhook["sideEffects"]) == ("Ignore", 2, "None")
    assert (webhook["name"], webhook["clientConfig"]["service"]["path"]) == (WEBHOOK, PATH)
    (rule,) = webhook["rules"]
    assert (rule["resources"], rule["operations"], rule["scope"]) == (
        ["modeldeployments"],
        ["CREATE", "UPDATE"],
        "Namespaced",
    )


def test_it_judges_the_namespaces_that_are_served(render: Render) -> None:
    assert "namespaceSelector" not in configuration(render(webhook__enabled=True))
    (expression,) = configuration(render(webhook__enabled=True, watchNamespaces=["a", "b"]))["namespaceSelector"][
        "matchExpressions"
    ]
    assert (expression["key"], expression["values"]) == ("kubernetes.io/metadata.name", ["a", "b"])
    own = {"matchLabels": {"judged": "yes"}}
    chosen = render(watchNamespaces=["a"], webhook={"enabled": True, "namespaceSelector": own})
    assert configuration(chosen)["namespaceSelector"] == own


def test_what_the_chart_leaves_out_cannot_drift(render: Render) -> None:
    manifests = render(webhook__enabled=True)
    assert "caBundle" not in configuration(manifests)["clientConfig"]
    assert not {"data", "stringData"} & set(only(manifests, "Secret"))


@pytest.mark.parametrize("webhook", [{"enabled": True}, CERT_MANAGER])
def test_the_same_text_every_time(render: Render, webhook: Manifest) -> None:
    assert render(webhook=webhook) == render(webhook=webhook)


def test_the_operator_fills_its_own_secret_and_configuration_and_no_other(render: Render) -> None:
    made = added(render, webhook__enabled=True)
    role, cluster_role = only(made, "Role"), only(made, "ClusterRole")
    assert rules(role) == {"secrets": {"get", "patch"}}
    assert rules(cluster_role) == {"validatingwebhookconfigurations": {"get", "patch"}}
    assert role["rules"][0]["resourceNames"] == [only(made, "Secret")["metadata"]["name"]] == [NAME]
    wide = only(made, "ValidatingWebhookConfiguration")["metadata"]["name"]
    assert cluster_role["rules"][0]["resourceNames"] == [wide] == [f"{NAME}.mb"]
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        assert only(made, kind)["subjects"] == [{"kind": "ServiceAccount", "name": "modelberth", "namespace": "mb"}]


def test_with_cert_manager_it_needs_no_right_at_all(render: Render) -> None:
    made = added(render, webhook=CERT_MANAGER)
    assert {m["kind"] for m in made} == {"ValidatingWebhookConfiguration", "Service", "Certificate", "Issuer"}
    serving = next(m for m in of_kind(made, "Certificate") if m["metadata"]["name"] == NAME)
    inject = only(made, "ValidatingWebhookConfiguration")["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
    assert inject == f"mb/{NAME}"
    assert serving["spec"]["dnsNames"] == [f"{NAME}.mb.svc"]


def test_the_authority_of_the_release_signs_the_certificate(render: Render) -> None:
    made = added(render, webhook=CERT_MANAGER)
    certificates = {m["metadata"]["name"]: m["spec"] for m in of_kind(made, "Certificate")}
    issuers = {m["metadata"]["name"]: m["spec"] for m in of_kind(made, "Issuer")}
    issuer = issuers[certificates[NAME]["issuerRef"]["name"]]
    authority = certificates[f"{NAME}-ca"]
    assert issuer["ca"]["secretName"] == authority["secretName"] != certificates[NAME]["secretName"]
    assert authority["isCA"] is True
    assert issuers[authority["issuerRef"]["name"]] == {"selfSigned": {}}


def test_an_issuer_of_the_cluster_can_sign_it(render: Render) -> None:
    issuer = {"name": "corporate", "kind": "ClusterIssuer"}
    made = added(render, webhook={"enabled": True, "certManager": {"enabled": True, "issuerRef": issuer}})
    assert only(made, "Certificate")["spec"]["issuerRef"] == issuer
    assert not of_kind(made, "Issuer")


@pytest.mark.parametrize("webhook", [{"enabled": True, "port": 10250}, CERT_MANAGER])
def test_the_service_reaches_the_port_that_the_operator_is_told(render: Render, webhook: Manifest) -> None:
    manifests = render(webhook=webhook, networkPolicy__enabled=True)
    pod = only(manifests, "Deployment")["spec"]["template"]["spec"]
    port = webhook.get("port", 9443)
    assert {"name": "webhook", "containerPort": port} in container(manifests)["ports"]
    service = next(m for m in of_kind(manifests, "Service") if m["metadata"]["name"] == NAME)
    client = configuration(manifests)["clientConfig"]["service"]
    assert (client["name"], client["namespace"], client["port"]) == (NAME, "mb", service["spec"]["ports"][0]["port"])
    assert service["spec"]["ports"][0]["targetPort"] == "webhook"
    assert service["spec"]["selector"] == only(manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    assert {"ports": [{"port": "webhook", "protocol": "TCP"}]} in only(manifests, "NetworkPolicy")["spec"]["ingress"]
    told = parsed(container(manifests)["args"])
    assert (told.webhook, told.webhook_port) == (NAME, port)
    mounts = {mount["mountPath"]: mount["name"] for mount in container(manifests)["volumeMounts"]}
    if told.webhook_certificates is not None:
        volume = next(v for v in pod["volumes"] if v["name"] == mounts[str(told.webhook_certificates)])
        assert volume["secret"] == {"secretName": f"{NAME}-tls", "optional": True}


def test_releases_of_one_name_do_not_meet_in_the_cluster(render: Render) -> None:
    cluster_wide = {"ValidatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding"}
    made = added(render, webhook__enabled=True)
    assert all(m["metadata"]["name"].endswith(".mb") for m in made if m["kind"] in cluster_wide)


@pytest.mark.parametrize(
    ("value", "said"),
    [("webhook.port=8080", "port"), ("webhook.port=443", "port"), ("webhook.enable=true", "enable")],
)
def test_wrong_values_are_refused_by_name(helm_offline: Command, chart: str, value: str, said: str) -> None:
    with pytest.raises(CommandError, match=re.escape(said)):
        helm_offline("template", "modelberth", chart, f"--kube-version={KUBERNETES}", "--set", value)
