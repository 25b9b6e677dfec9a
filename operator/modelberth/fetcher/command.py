"""``modelberth fetch``: what the init container runs. Wiring only."""

import argparse
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, get_args

from modelberth.api.spec import EngineType
from modelberth.api.uri import HubUri, parse_uri
from modelberth.fetcher import report
from modelberth.fetcher.cache import Question
from modelberth.fetcher.fetching import Fetch, into_folder, through_cache
from modelberth.fetcher.machine import Machine
from modelberth.fetcher.progress import Progress, gib
from modelberth.fetcher.progress_server import ProgressServer
from modelberth.fetcher.resolve import Source
from modelberth.fetcher.signals import end_on_sigterm
from modelberth.ports.hub_client import DEFAULT_ENDPOINT
from modelberth.ports.hub_problems import HubProblem
from modelberth.ports.model_files.selection import Wish

_HELP = "download the weights of a model (what the init container runs)"
_DESCRIPTION = """\
Downloads what serving needs of one model repository into a folder, and verifies it: safetensors (never pickles unless
told so), configuration, tokenizer; for LlamaCpp one GGUF. Run it again and it goes on where it stopped.

  modelberth fetch hf://Qwen/Qwen3-0.6B --to ./model --engine vLLM
  modelberth fetch hf://Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf --to ./model --engine LlamaCpp

For LlamaCpp without a file in the URI, DIR/model.gguf leads to the only GGUF of the repository.

With --cache, the files are in a folder that outlives the pod, and DIR leads to them. However many pods start at once,
one downloads and the others wait; what is complete there needs no hub when --revision is a commit.
"""
_EPILOG = """\
environment:
  HF_ENDPOINT    the hub, or a mirror of it (default https://huggingface.co)
  HF_TOKEN       opens private and gated repositories; sent to the hub only, never printed
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE
                 proxies, and the bundle with every CA to trust (it replaces the system's)

exit status: 0 all files are there and verified; 1 not, and the report says why:
  {"commit": "...", "files": 7, "bytes": 2471645608}
  {"reason": "ModelNotFound | ModelGated | RevisionNotFound | HubUnreachable | DownloadFailed | NotEnoughDisk |
              CheckpointCorrupt | UnsupportedModel", "message": "what, why, way out"}
"""


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> argparse.ArgumentParser:
    """Adds ``fetch`` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "fetch",
        help=_HELP,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("uri", metavar="URI", help="hf://org/name[@revision][/file.gguf]")
    parser.add_argument("--to", metavar="DIR", type=Path, required=True, help="folder for the files; made if missing")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="folder that keeps the files for others, on a volume; --to gets links into it",
    )
    parser.add_argument("--engine", choices=get_args(EngineType), required=True, help="who will load them")
    parser.add_argument("--revision", metavar="COMMIT", help="what to download; wins over the URI")
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="take *.bin, *.pt when there are no safetensors (unpickling runs code)",
    )
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="take *.py too, which the engine will run when told so"
    )
    parser.add_argument(
        "--progress-port",
        metavar="PORT",
        type=int,
        help="answer GET /progress there while this runs (default: nobody is told)",
    )
    parser.add_argument(
        "--termination-log",
        metavar="PATH",
        type=Path,
        help="file for the report (default: /dev/termination-log where it exists)",
    )
    return parser


def run(args: argparse.Namespace, machine: Machine | None = None) -> int:
    """Runs ``fetch``; returns the exit status. Nothing is raised: what goes wrong is in the report."""
    token = os.environ.get("HF_TOKEN", "").strip() or None
    scrubber = report.Scrubber(token)
    end_on_sigterm()

    def say(line: str) -> None:
        print(scrubber.clean(line), flush=True)

    try:
        progress = Progress(say)
        if args.progress_port is not None:
            _tell_progress(args.progress_port, progress)
        fetched = _fetch(args, token, machine or Machine(), progress)
    except HubProblem as problem:
        return _failed(problem, args, scrubber)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:  # a mistake of ours must not end without a reason in status
        sys.stderr.write(scrubber.clean(traceback.format_exc()))
        message = f"The fetcher failed unexpectedly: {type(error).__name__}. Its log has the details."
        return _failed(HubProblem("DownloadFailed", message), args, scrubber)
    say(f"Done: {fetched.files} files, {gib(fetched.bytes)}, commit {fetched.commit}.")
    report.write(report.success(fetched), args.termination_log)
    return 0


def _fetch(args: argparse.Namespace, token: str | None, machine: Machine, progress: Progress) -> report.Fetched:
    uri = _hub_uri(args.uri)
    endpoint = (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    wish = Wish(args.engine, uri.file, args.allow_pickle, args.trust_remote_code)
    asked = Question(uri.repo, args.revision or uri.revision or "main", wish)
    fetch = Fetch(Source(repo=uri.repo, endpoint=endpoint, token=token), asked, machine, progress)
    if args.cache is not None:
        # Pods of other users share the volume by its group.
        os.umask(0o002)
    there = into_folder(fetch, args.to) if args.cache is None else through_cache(fetch, args.cache, args.to)
    progress.enter("Complete")
    return report.Fetched(commit=there.commit, files=len(there.files), bytes=there.size)


def _tell_progress(port: int, progress: Progress) -> None:
    """From now until the process ends. Weights that arrive matter more than how far they are."""
    try:
        ProgressServer(port, progress).start()
    except OSError as error:
        progress.say(f"Nobody can ask for the progress: port {port}: {error.strerror or error}.")


def _hub_uri(text: str) -> HubUri:
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise HubProblem("UnsupportedModel", f"spec.model.uri: {error}.") from error
    if not isinstance(uri, HubUri):
        raise HubProblem("UnsupportedModel", f"{text} is mounted, not downloaded; fetch takes hf://org/name only.")
    return uri


def _failed(problem: HubProblem, args: argparse.Namespace, scrubber: report.Scrubber) -> int:
    print(scrubber.clean(f"{problem.reason}: {problem.message}"), file=sys.stderr, flush=True)
    report.write(report.failure(problem, scrubber), args.termination_log)
    return 1
