"""``modelberth facts``: what the fact-finding pod runs. Reads what the planner needs of a model, and reports it."""

import argparse
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, get_args

from modelberth.api.pod_template_rules import MODEL_DIR
from modelberth.api.spec import EngineType
from modelberth.api.uri import HubUri, parse_uri
from modelberth.fetcher import report
from modelberth.fetcher.machine import Machine
from modelberth.fetcher.progress import gib
from modelberth.fetcher.retries import persist
from modelberth.fetcher.signals import end_on_sigterm
from modelberth.planner.files import ModelFiles
from modelberth.ports.facts_report import facts_text
from modelberth.ports.hub import HuggingFaceHub
from modelberth.ports.hub_client import DEFAULT_ENDPOINT
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.model_folder import FolderProblem, read_folder

TIMEOUT_S = 10.0
"""Of one answer of the hub, in seconds. With all tries a silent hub is given up within the pod's five minutes."""

_HELP = "read what the planner needs of a model's files (what the fact-finding pod runs)"
_DESCRIPTION = """\
Reads config.json and the headers of the weights, not the weights: a few requests to the hub, or a folder on disk. The
operator runs this in a pod beside your model where it cannot read the files itself: private and gated repositories
(the pod holds the token), claims and image volumes.

  modelberth facts hf://meta-llama/Llama-3.1-8B-Instruct            (with HF_TOKEN in the environment)
  modelberth facts hf://Qwen/Qwen3-0.6B-GGUF --engine LlamaCpp
  modelberth facts ./models/llama3 --output facts.json
  modelberth facts ./models/llama3-Q4_K_M.gguf
"""
_EPILOG = """\
environment:
  HF_ENDPOINT    the hub, or a mirror of it (default https://huggingface.co)
  HF_TOKEN       opens private and gated repositories; sent to the hub only, never printed
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE
                 proxies, and the bundle with every CA to trust (it replaces the system's)

The report is one line of JSON, at most 4096 bytes; "files" is compressed JSON in base64, without those keys of
config.json that no plan depends on. "truncated": true says that facts had to be left out. For people, the same is on
standard output.

exit status: 0 facts were read; 1 not, and the report says why:
  {"commit": "... or null", "files": "eNp..."}
  {"problem": {"reason": "ModelNotFound | ModelGated | RevisionNotFound | HubUnreachable | CheckpointCorrupt |
                          UnsupportedModel", "message": "what, why, way out", "transient": false}}
"""


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> argparse.ArgumentParser:
    """Adds ``facts`` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "facts",
        help=_HELP,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", metavar="URI_OR_FOLDER", help="hf://org/name[@revision][/file.gguf], a folder, or a .gguf file"
    )
    parser.add_argument("--revision", help="branch, tag or commit; wins over the URI")
    parser.add_argument(
        "--engine",
        choices=get_args(EngineType),
        help="who will load the model (default: anybody; GGUF only where there are no safetensors)",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="file for the report (default: /dev/termination-log where it exists)",
    )
    return parser


def run(args: argparse.Namespace, machine: Machine | None = None) -> int:
    """Runs ``facts``; returns the exit status. Nothing is raised: what goes wrong is in the report."""
    token = os.environ.get("HF_TOKEN", "").strip() or None
    scrubber = report.Scrubber(token)
    end_on_sigterm()

    def say(line: str, stream: Any = None) -> None:
        print(scrubber.clean(line), file=stream, flush=True)

    try:
        files, commit = _read(args, token, machine or Machine(), say)
    except HubProblem as problem:
        return _failed(problem, args.output, scrubber)
    except Exception as error:  # a mistake of ours must not end without a reason in status
        sys.stderr.write(scrubber.clean(traceback.format_exc()))
        message = f"Reading the model's facts failed unexpectedly: {type(error).__name__}. The pod's log has more."
        return _failed(HubProblem("DownloadFailed", message), args.output, scrubber)
    for line in summary(files):
        say(line)
    report.write(facts_text(files, commit), args.output)
    return 0


def _read(args: argparse.Namespace, token: str | None, machine: Machine, say: Any) -> tuple[ModelFiles, str | None]:
    """The facts, and the commit that they are of. Raises HubProblem."""
    if "://" not in args.model:
        return _from_folder(Path(args.model)), None
    uri = _hub_uri(args.model)
    endpoint = (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    hub = HuggingFaceHub(endpoint, TIMEOUT_S, token)
    revision = args.revision or uri.revision or "main"
    say(f"Asking {endpoint} for {uri.repo} at {revision} ({'with' if token else 'without'} a token).")
    commit = persist(lambda: hub.resolve(uri.repo, revision), machine.sleep)
    say(f"Commit {commit}.")
    return persist(lambda: hub.files(uri.repo, commit, uri.file, args.engine), machine.sleep), commit


def _from_folder(path: Path) -> ModelFiles:
    try:
        return read_folder(path)
    except FolderProblem as problem:
        if problem.reason != "ModelNotFound" or not path.is_relative_to(MODEL_DIR):
            raise HubProblem(problem.reason, str(problem)) from problem
        way_out = f"Check the path in spec.model.uri (the volume is mounted at {MODEL_DIR}) and who may read its files."
        # Somebody may still be filling the volume.
        raise HubProblem(problem.reason, f"{problem} {way_out}", transient=True) from problem


def _hub_uri(text: str) -> HubUri:
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise HubProblem("UnsupportedModel", f"spec.model.uri: {error}.") from error
    if not isinstance(uri, HubUri):
        raise HubProblem("UnsupportedModel", f"{text} must be mounted first: name the folder that it is mounted at.")
    return uri


def summary(files: ModelFiles) -> list[str]:
    """The facts in lines for people."""
    lines = []
    if files.config is not None:
        architectures = files.config.get("architectures")
        name = architectures[0] if isinstance(architectures, list) and architectures else files.config.get("model_type")
        lines.append(f"config.json: {name}.")
    if files.tensors is not None:
        counts = ", ".join(f"{count:,} {dtype}" for dtype, count in files.tensors.parameters.items())
        lines.append(f"safetensors: {gib(files.tensors.total_bytes)} ({counts or 'types not counted'}).")
    if files.gguf is not None:
        total = sum(files.gguf.layer_bytes) + files.gguf.embedding_bytes + files.gguf.output_bytes
        size = gib(total + files.gguf.other_bytes)
        lines.append(f"GGUF: {size}, {len(files.gguf.layer_bytes)} blocks, mostly {files.gguf.file_type}.")
    return [*lines, *(f"Not read: {sentence}" for sentence in files.missing)]


def _failed(problem: HubProblem, output: Path | None, scrubber: report.Scrubber) -> int:
    print(scrubber.clean(f"{problem.reason}: {problem.message}"), file=sys.stderr, flush=True)
    report.write(json.dumps({"problem": json.loads(report.failure(problem, scrubber))}), output)
    return 1
