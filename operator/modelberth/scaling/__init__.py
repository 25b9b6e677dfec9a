"""How many replicas a model should have: pure decisions over samples of its load."""
