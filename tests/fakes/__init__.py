"""The outside in memory: an API server that counts writes, a hub, pods, and a clock that nobody waits for."""
