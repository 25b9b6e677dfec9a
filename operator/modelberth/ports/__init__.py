"""The outside as small protocols with their real adapters: the API server and the model hub."""
