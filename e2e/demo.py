"""`make demo`: from nothing to two models that answer, on a real cluster, and what to type next."""

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.cluster import ClusterError, choose
from e2e.command import CommandError
from e2e.install.client import SYSTEM_PROMPT, Client, make_namespace, start_client
from e2e.install.hub import install_hub
from e2e.install.operator import install_operator
from e2e.install.stage import Stage, stage

NAMESPACE = "modelberth-demo"
QUESTION = "What is the capital of France?"
EXPECTED = "Paris"
MODELS = (("smollm2-gguf", "llama-cpp"), ("smollm2-awq", "vllm"))
"""Example and the image of its engine, the quick one first."""

_steps: list[tuple[str, float]] = []


@contextmanager
def step(title: str) -> Iterator[None]:
    """Says what happens, and how long it took."""
    print(f"==> {title}", flush=True)
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    _steps.append((title, seconds))
    print(f"    done in {seconds:.0f} s", flush=True)


def serve(demo: Stage, client: Client, example: str, image: str) -> str:
    """Applies an example, waits until it is Ready and returns its answer."""
    with step(f"image of the engine of {example}"):
        demo.image(image)
    with step(f"kubectl apply -f examples/{example}.yaml, until it answers"):
        demo.kubectl("apply", "-n", NAMESPACE, "-f", f"examples/{example}.yaml")
        target = f"modeldeployment/{example}"
        demo.kubectl("wait", "-n", NAMESPACE, target, "--for=condition=Ready", "--timeout=420s", timeout=430)
        status = demo.kubectl.json("get", "-n", NAMESPACE, target)["status"]
        answer = client.ask(status["url"], example, QUESTION)
        print(f"    {status['url']}\n    > {QUESTION}\n    < {answer}", flush=True)
    return answer


def next_steps(demo: Stage) -> str:
    kubectl = shlex.quote(str(demo.cluster.tool("kubectl")))
    kubeconfig = shlex.quote(str(demo.cluster.kubeconfig()))
    return f"""
What to type next:
  export KUBECONFIG={kubeconfig}
  alias kubectl={kubectl}
  kubectl -n {NAMESPACE} get mdep
  kubectl -n {NAMESPACE} describe mdep smollm2-awq
  kubectl explain mdep.spec
  kubectl -n {NAMESPACE} port-forward service/smollm2-awq 8000:80 &
  curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"model": "smollm2-awq", "messages": [{{"role": "system", "content": "{SYSTEM_PROMPT}"}},
         {{"role": "user", "content": "{QUESTION}"}}]}}'
  make demo-down"""


def main() -> int:
    """0 when both models named the capital of France; 1 with the reason otherwise."""
    try:
        with step("a Kubernetes cluster"):
            demo = stage(choose())
        with step("images of the operator and of the model hub"):
            demo.image("operator")
            demo.image("hub")
        with step("the model hub, the chart"):
            make_namespace(demo, NAMESPACE)
            install_hub(demo)
            install_operator(demo)
            client = start_client(demo)
        answers = [serve(demo, client, example, image) for example, image in MODELS]
        print(f"\n$ kubectl -n {NAMESPACE} get modeldeployments")
        print(demo.kubectl("-n", NAMESPACE, "get", "modeldeployments"))
    except (ClusterError, CommandError, AssertionError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    print("Time per step:")
    for title, seconds in _steps:
        print(f"  {seconds:6.0f} s  {title}")
    print(next_steps(demo))
    wrong = [answer for answer in answers if EXPECTED not in answer]
    if wrong:
        print(f"\nAn answer does not name {EXPECTED}: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
