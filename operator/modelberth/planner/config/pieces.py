"""The smallest parts that layers are put together from."""

from modelberth.planner.model import Matrix, Split


def linear(name: str, inputs: int, outputs: int, bias: bool = False, split: Split = "tensor") -> tuple[Matrix, ...]:
    """A projection and its bias. Engines copy the bias of output projections, which is too small to matter."""
    matrix = Matrix(name, inputs, outputs, split=split)
    return (matrix, vector(f"{name}.bias", outputs, split=split)) if bias else (matrix,)


def vector(name: str, size: int, count: int = 1, split: Split = "replicated") -> Matrix:
    """Norms, biases and other parameters that no quantization touches."""
    return Matrix(name, 1, size, count, split, linear=False)


def norms(names: tuple[str, ...], size: int, bias: bool = False) -> tuple[Matrix, ...]:
    """Normalizations over ``size``: RMS norms, or layer norms with a bias."""
    return tuple(vector(name, size * (2 if bias else 1)) for name in names)
