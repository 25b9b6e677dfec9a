"""`modelberth render`: the children of ModelDeployments, without a cluster or the network."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelberth.api.finding import InvalidSpec
from modelberth.api.loading import Loaded, LoadError, load
from modelberth.api.validation import parse
from modelberth.cli.documents import yaml_text
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
        "-n", "--namespace", default="default", help="namespace of resources that name none (default: default)"
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
        loaded = load(_text(args.filename))
        _all_used(configs, loaded)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except LoadError as error:
        print(f"{args.filename}: {error}", file=sys.stderr)
        return INVALID
    if not loaded:
        print(f"{args.filename}: no ModelDeployment in it", file=sys.stderr)
        return 1
    manifests: list[dict[str, Any]] = []
    code = 0
    for document in loaded:
        try:
            resource = _in_namespace(document.resource, args.namespace)
            manifests.extend(_render(resource, settings, configs))
        except InvalidSpec as error:
            code = INVALID
            for finding in error.findings:
                print(f"{args.filename}:{document.line}: {_name(document)}: {finding}", file=sys.stderr)
    if code == 0:
        print(yaml_text(manifests), end="")
    return code


def _text(filename: str) -> str:
    try:
        return sys.stdin.read() if filename == "-" else Path(filename).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{filename}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{filename}: it is not UTF-8 text") from error


def _name(document: Loaded) -> str:
    metadata = document.resource.get("metadata")
    return str(metadata.get("name", "?")) if isinstance(metadata, dict) else "?"


def _in_namespace(resource: dict[str, Any], namespace: str) -> dict[str, Any]:
    """As kubectl does it: the namespace of the command line, unless the file has one."""
    metadata = resource.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace"):
        return resource
    return {**resource, "metadata": {**metadata, "namespace": namespace}}


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
        except OSError as error:
            raise SettingsError(f"--model-config {value}: {folder}/config.json: {error.strerror}") from None
        except ValueError as error:
            raise SettingsError(f"--model-config {value}: config.json is not JSON: {error}") from None
        if not isinstance(config, dict):
            raise SettingsError(f"--model-config {value}: config.json is no JSON object")
        configs[name] = config
    return configs


def _all_used(configs: dict[str, dict[str, Any]], loaded: list[Loaded]) -> None:
    names = {_name(document) for document in loaded}
    for name in configs:
        if name and name not in names:
            raise SettingsError(f"--model-config {name}=...: the file has no ModelDeployment named {name}")
