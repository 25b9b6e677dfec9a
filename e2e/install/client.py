"""A pod that asks models questions through their Services, as an application in the cluster would."""

import json
import time
from dataclasses import dataclass
from typing import Any

from e2e.command import CommandError
from e2e.install.stage import Stage

NAMESPACE = "modelberth-client"
SYSTEM_PROMPT = "You are a helpful assistant."
"""Without one the template of SmolLM2 puts its own in, and the 4-bit GGUF then likes to answer in French."""

REFUSED_S = 15
"""How long a Service may refuse connections, in seconds, before ``ask`` calls it broken."""

# One request; prints {"status": ..., "body": ...}. No retry: what goes wrong must be seen.
REQUEST = """
import json, sys, urllib.error, urllib.request
url, body, headers = json.load(sys.stdin)
data = json.dumps(body).encode() if body is not None else None
request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
try:
    with urllib.request.urlopen(request, timeout=120) as answer:
        status, text = answer.status, answer.read().decode()
except urllib.error.HTTPError as error:
    status, text = error.code, error.read().decode()
print(json.dumps({"status": status, "body": text}))
"""


@dataclass(frozen=True)
class Client:
    """Sends requests from inside the cluster."""

    stage: Stage
    pod: str = "client"

    def request(self, url: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """(HTTP status, body). GET without a body, else POST of JSON."""
        text = json.dumps([url, body, headers or {}])
        answer = json.loads(self.python(REQUEST, text))
        return answer["status"], answer["body"]

    def python(self, source: str, stdin: str) -> str:
        """What a program that runs in the pod prints."""
        exec_args = ("-n", NAMESPACE, "exec", "-i", self.pod, "--", "python3", "-c", source)
        return self.stage.kubectl(*exec_args, stdin=stdin)

    def ask(self, url: str, model: str, question: str, headers: dict[str, str] | None = None) -> str:
        """The model's answer to one chat message; ``url`` is status.url. Raises AssertionError on any other status.

        A refused connection is tried again: an endpoint is ready a second or two before kube-proxy on the client's
        node has it, and until then the Service refuses (as any Service does: its rule for no endpoints is a REJECT).
        """
        body = {
            "model": model,
            "messages": [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": question}],
            "max_tokens": 24,
            "temperature": 0,
        }
        status, text = self._once_reachable(f"{url}/chat/completions", body, headers)
        if status != 200:
            raise AssertionError(f"{url}: HTTP {status}: {text}")
        content: str = json.loads(text)["choices"][0]["message"]["content"]
        return content.strip()

    def _once_reachable(self, url: str, body: Any, headers: dict[str, str] | None) -> tuple[int, str]:
        end = time.monotonic() + REFUSED_S
        while True:
            try:
                return self.request(url, body, headers)
            except CommandError as error:
                if "Connection refused" not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(0.5)


def start_client(stage: Stage, name: str = "client", image: str = "operator") -> Client:
    """Starts the pod, once per cluster and image; ``image`` is one of ours, with Python."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "containers": [
                {
                    "name": "client",
                    "image": stage.image(image),
                    "command": ["python3", "-c", "import signal; signal.pause()"],
                    # A client that gets no share of a busy machine runs into time-outs, its own and the servers'.
                    "resources": {"requests": {"cpu": "200m", "memory": "64Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        },
    }
    make_namespace(stage, NAMESPACE)
    try:
        stage.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    except CommandError:
        # A pod's image can be changed, most of the rest cannot: a client of an older version goes.
        stage.kubectl("-n", NAMESPACE, "delete", "pod", name, "--wait")
        stage.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    stage.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    return Client(stage, name)


def make_namespace(stage: Stage, name: str) -> None:
    """A namespace that admits only restricted pods: what Modelberth makes must run under the strictest standard."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
