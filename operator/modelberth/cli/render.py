"""`modelberth render`: the children of ModelDeployments, without a cluster or the network."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from modelberth.api.finding import InvalidSpec
from modelberth.api.loading import LoadError, load
from modelberth.api.validation import parse
from modelberth.cli.settings import SettingsError, add_settings, read_settings
from modelberth.manifests.children import children, chosen_image
from modelberth.manifests.facts import Facts
from modelberth.manifests.settings import Settings
from modelberth.planner.facts import kv_bytes_per_token

INVALID = 3

DESCRIPTION = """\
Print the Deployment, Service, ... that the operator makes of every ModelDeployment in a file, as YAML.

No cluster and no network: a hub revision stays as it is written in spec.model.uri, where the operator would pin the
commit. Other kinds in the file are skipped.

  modelberth render -f examples/llama3-awq.yaml
  helm template my-app | modelberth render -f -
  modelberth render -f model.yaml --model-config ./llama-3-8b    # a folder that holds config.json

Exit codes: 0 rendered, 3 a ModelDeployment is invalid (each finding names the field, the reason and a way out).
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "render",
        help="print the manifests that the operator makes of a file",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-f", "--filename", required=True, metavar="FILE", help="YAML with ModelDeployments; - is stdin"
    )
    parser.add_argument(
        "--model-config",
        action="append",
        default=[],
        metavar="[NAME=]DIR",
        help="folder with the model's config.json; with several resources NAME=DIR (repeatable)",
    )
    add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        settings = read_settings(args.config)
        configs = _configs(args.model_config)
        text = sys.stdin.read() if args.filename == "-" else Path(args.filename).read_text(encoding="utf-8")
        loaded = load(text)
    except (SettingsError, OSError, UnicodeDecodeError, LoadError) as error:
        print(f"{args.filename}: {error}", file=sys.stderr)
        return INVALID if isinstance(error, LoadError) else 1
    if not loaded:
        print(f"{args.filename}: no ModelDeployment in it", file=sys.stderr)
        return 1
    manifests: list[dict[str, Any]] = []
    code = 0
    for document in loaded:
        try:
            manifests.extend(_render(document.resource, settings, configs))
        except InvalidSpec as error:
            code = INVALID
            name = (document.resource.get("metadata") or {}).get("name", "?")
            for finding in error.findings:
                print(f"{args.filename}:{document.line}: {name}: {finding}", file=sys.stderr)
    if code == 0:
        print(yaml.safe_dump_all(manifests, sort_keys=False, width=120), end="")
    return code


def _render(resource: dict[str, Any], settings: Settings, configs: dict[str, dict[str, Any]]) -> Iterator[Any]:
    md = parse(resource, lambda engine, device: chosen_image(engine, device, settings))
    config = configs.get(md.name, configs.get("", {}))
    yield from children(md, Facts(kv_bytes_per_token=kv_bytes_per_token(config)), settings)


def _configs(values: list[str]) -> dict[str, dict[str, Any]]:
    """config.json by resource name; the empty name stands for every resource."""
    configs = {}
    for value in values:
        name, _, folder = value.rpartition("=")
        try:
            config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SettingsError(f"--model-config {value}: there is no {folder}/config.json") from None
        except ValueError as error:
            raise SettingsError(f"--model-config {value}: config.json is not JSON: {error}") from None
        configs[name] = config if isinstance(config, dict) else {}
    return configs
