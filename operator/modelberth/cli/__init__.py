"""`modelberth operator|render|crds|fetch`; wiring only."""
