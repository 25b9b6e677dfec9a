"""The CEL interpreter without its package's own command line.

That one (typer, rich) is imported by the package's ``__init__`` and costs 25 MiB and 0.4 s of every start.
"""

import sys
from types import ModuleType

sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))

from cel import Context, compile  # noqa: E402

__all__ = ["Context", "compile"]
