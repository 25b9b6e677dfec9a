"""What engines say when they fail: from their output to one reason, the decisive lines and a way out.

A table of patterns per engine, in the order of causes: what is named first explains what is named after it. The tables
were made from the outputs in tests/engines/failures/fixtures, which real engines wrote.
"""

from modelberth.engines.failures.failure import Amounts, Failure, Reason
from modelberth.engines.failures.reading import read

__all__ = ["Amounts", "Failure", "Reason", "read"]
