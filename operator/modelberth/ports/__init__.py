"""The outside as small protocols with their real adapters: the API server, the model hub, the clock."""
