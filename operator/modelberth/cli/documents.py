"""Manifests as YAML that people, kubectl and Go's YAML libraries read alike."""

import sys
from typing import Any

import yaml

from modelberth.api.loading import RESOLVERS


def yaml_text(manifests: list[dict[str, Any]]) -> str:
    """One document per manifest, keys in their order."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=sys.maxsize)


class _Dumper(yaml.SafeDumper):
    """Quotes what Go would take for a number or a boolean (1e3, 0o12, y), where PyYAML would not."""

    def ignore_aliases(self, data: Any) -> bool:
        """Probes share parts; written out they need no &anchors."""
        return True


for _tag, _pattern, _first in RESOLVERS:
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)
