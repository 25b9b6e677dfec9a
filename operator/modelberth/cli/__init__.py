"""`modelberth plan|render|crds|operator|fetch`; wiring only."""
