"""`modelberth plan|render|crds|operator|fetch|facts`; wiring only."""
