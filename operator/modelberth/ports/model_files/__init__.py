"""What the files of a model say: which of them belong to it, and what their headers hold. Nothing here does I/O."""
