"""Real engines come and go with the load, down to zero and back, and no request is lost."""
