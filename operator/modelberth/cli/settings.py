"""--config: the settings file that the chart writes."""

import argparse
from pathlib import Path

import yaml
from pydantic import ValidationError

from modelberth.manifests.settings import Settings


class SettingsError(ValueError):
    """A settings file or an option that cannot be used; the message says which and why."""


def add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", help="settings of the operator (the chart's values); default: the built-in ones"
    )


def read_settings(path: str | None) -> Settings:
    """The settings. Raises SettingsError with the field where the file is wrong."""
    if path is None:
        return Settings()
    try:
        return Settings.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise SettingsError(f"--config {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"--config {path}: it is not UTF-8 text") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"--config {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"--config {path}: {field or 'the file'}: {first['msg']}") from error
