"""One file per child kind: (deployment, engine, settings) -> plain dict; pure."""
