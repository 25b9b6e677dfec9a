"""Will it fit? Pure arithmetic over facts from the model's own files."""
