"""python -m e2e.hub FOLDER: serve FOLDER/ORG/NAME as a Hugging Face Hub."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from e2e.hub.access import Tokens
from e2e.hub.network import Faults, Throttle
from e2e.hub.repositories import RepositoryFolder
from e2e.hub.server import Hub, HubServer


def main() -> None:
    """Hash every repository once, then serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m e2e.hub", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--tokens", type=Path, help='JSON file: {"TOKEN": ["ORG/NAME", ...]}; "*" opens all')
    parser.add_argument("--bandwidth", type=float, help="bytes per second, shared by all connections")
    parser.add_argument("--cut-after", type=int, default=0, help="break a file off after this many bytes ...")
    parser.add_argument("--cuts", type=int, default=0, help="... this many times")
    parser.add_argument("--outages", type=int, default=0, help="answer this many requests with 503 first")
    options = parser.parse_args()

    folder = RepositoryFolder(options.folder)
    for name in folder.names():
        folder.get(name)
    grants = json.loads(options.tokens.read_text()) if options.tokens else {}
    hub = Hub(
        folder,
        tokens=Tokens({token: frozenset(names) for token, names in grants.items()}),
        faults=Faults(options.cut_after, options.cuts, options.outages),
        throttle=Throttle(options.bandwidth) if options.bandwidth else None,
    )
    with HubServer((options.host, options.port), hub) as server:
        hub.log(f"serving {', '.join(folder.names())} on {options.host}:{server.server_port}")
        server.serve_forever()


if __name__ == "__main__":
    main()
