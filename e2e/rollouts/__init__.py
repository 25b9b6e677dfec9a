"""How pods are replaced: a revision that fails, and another version of the operator."""
