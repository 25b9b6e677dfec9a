"""What runs in the engine's container, in the engine's Python: each file stands by itself, standard library only.

`modelberth hooks --to FOLDER` puts them there; Modelberth itself is not importable where they run.
"""
