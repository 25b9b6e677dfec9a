"""What `render` and `plan` read alike: a file of resources, the settings, and folders with models' own files."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelberth.api.finding import InvalidSpec
from modelberth.api.loading import Loaded, LoadError, load
from modelberth.api.modeldeployment import ModelDeployment
from modelberth.api.validation import parse
from modelberth.cli.settings import SettingsError, add_settings, read_settings
from modelberth.manifests.children import chosen_image
from modelberth.manifests.settings import Settings
from modelberth.planner.files import ModelFiles
from modelberth.ports.model_folder import FolderProblem, read_folder

FAILED, INVALID = 1, 3
"""Exit codes: something could not be read; a ModelDeployment is invalid, or the file is no YAML of resources."""


class InputError(ValueError):
    """What was given cannot be used; the message names the file or the option."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        """Exit code of the command."""


@dataclass(frozen=True)
class Given:
    """One ModelDeployment of the file, not judged yet."""

    source: str
    """FILE:LINE."""
    resource: dict[str, Any]

    @property
    def name(self) -> str:
        """metadata.name, "?" where there is none."""
        metadata = self.resource.get("metadata")
        return str(metadata.get("name", "?")) if isinstance(metadata, dict) else "?"

    @property
    def title(self) -> str:
        """What messages for people begin with."""
        return printable(f"{self.source}: {self.name}")


@dataclass(frozen=True)
class Inputs:
    """Everything that the command line named, read."""

    settings: Settings
    given: tuple[Given, ...]
    """In the order of the file."""
    files: Mapping[str, ModelFiles]
    """Of --model-config, by resource name; the empty name stands for every resource."""

    def files_of(self, name: str) -> ModelFiles | None:
        """The model's own files where --model-config gave them."""
        return self.files.get(name, self.files.get(""))

    def parsed(self, given: Given) -> ModelDeployment:
        """The resource with its defaults. Raises InvalidSpec with every finding."""
        return parse(given.resource, lambda engine, device: chosen_image(engine, device, self.settings))


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """The options that ``read_inputs`` reads."""
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


def read_inputs(args: argparse.Namespace) -> Inputs:
    """Raises InputError. A file without a ModelDeployment is none: the command says so."""
    try:
        settings = read_settings(args.config)
        files = _model_files(args.model_config)
        loaded = load(_text(args.filename))
    except SettingsError as error:
        raise InputError(FAILED, str(error)) from error
    except LoadError as error:
        raise InputError(INVALID, f"{args.filename}: {error}") from error
    given = tuple(_given(args, document) for document in loaded)
    unused = sorted(set(files) - {resource.name for resource in given} - {""})
    if unused:
        raise InputError(FAILED, f"--model-config {unused[0]}=...: the file has no ModelDeployment named {unused[0]}")
    return Inputs(settings, given, files)


def tell(message: str) -> None:
    """A message for people."""
    print(message, file=sys.stderr)


def tell_invalid(given: Given, error: InvalidSpec) -> None:
    """A line for each finding, with its place in the file."""
    for finding in error.findings:
        tell(f"{given.title}: {printable(str(finding))}")


def no_resources(args: argparse.Namespace) -> str:
    """What is said of a file that holds other things only."""
    return f"{args.filename}: no ModelDeployment in it"


def printable(text: str) -> str:
    """Control characters escaped: a resource must not steer the terminal of whoever looks at it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _text(filename: str) -> str:
    try:
        return sys.stdin.read() if filename == "-" else Path(filename).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{filename}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{filename}: it is not UTF-8 text") from error


def _given(args: argparse.Namespace, document: Loaded) -> Given:
    return Given(f"{args.filename}:{document.line}", _in_namespace(document.resource, args.namespace))


def _in_namespace(resource: dict[str, Any], namespace: str) -> dict[str, Any]:
    """As kubectl does it: the namespace of the command line, unless the file has one."""
    metadata = resource.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace"):
        return resource
    return {**resource, "metadata": {**metadata, "namespace": namespace}}


def _model_files(values: list[str]) -> dict[str, ModelFiles]:
    files = {}
    for value in values:
        name, equals, folder = value.partition("=")
        # ./a=b is a folder: no resource has a slash in its name.
        if not equals or "/" in name:
            name, folder = "", value
        files[name] = _folder(value, Path(folder))
    return files


def _folder(value: str, folder: Path) -> ModelFiles:
    try:
        return read_folder(folder)
    except FolderProblem as error:
        raise SettingsError(f"--model-config {value}: {error}") from error
