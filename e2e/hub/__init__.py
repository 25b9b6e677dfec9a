"""A small Hugging Face Hub over HTTP: it serves a folder of repositories to the real huggingface-hub client."""
