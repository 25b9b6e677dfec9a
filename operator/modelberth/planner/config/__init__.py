"""From a model's config.json to layers, matrices and caches."""
