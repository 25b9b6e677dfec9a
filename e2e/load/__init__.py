"""Many questions at once: a load generator for the client pod, and what became of every one of its requests."""
