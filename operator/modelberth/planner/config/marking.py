"""Which matrices a checkpoint's quantization touches, layer by layer."""

from dataclasses import dataclass, replace

from modelberth.planner.config.decoder import Decoder
from modelberth.planner.config.modules import Modules
from modelberth.planner.config.quantization import Recipe
from modelberth.planner.model import Layer, Matrix, Scheme


@dataclass(frozen=True)
class Marker:
    """A recipe with its lists of modules made ready."""

    kept: Modules
    only: Modules
    others: tuple[tuple[Modules, Scheme], ...]
    towers: bool

    def decoder(self, decoder: Decoder) -> Decoder:
        """The decoder with marks on its matrices; layers that are alike stay the same object."""
        made: dict[object, Layer] = {}
        layers = []
        for index, layer in enumerate(decoder.layers):
            key = (id(layer), self._signature(index))
            if key not in made:
                matrices = tuple(self._mark(matrix, index) for matrix in layer.matrices)
                made[key] = Layer(matrices, layer.cache)
            layers.append(made[key])
        return replace(decoder, layers=tuple(layers))

    def extra(self, matrices: tuple[Matrix, ...]) -> tuple[Matrix, ...]:
        """Vision and audio towers with their marks."""
        if self.towers:
            return tuple(self._mark(matrix, None) for matrix in matrices)
        return tuple(replace(matrix, linear=False) if matrix.linear else matrix for matrix in matrices)

    @property
    def lists(self) -> tuple[Modules, ...]:
        """All lists of modules."""
        return (self.kept, self.only, *(modules for modules, _ in self.others))

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Patterns that were not understood, at most three."""
        return tuple(name for modules in self.lists for name in modules.unreadable)[:3]

    def _signature(self, index: int) -> object:
        return tuple(modules.signature(index) for modules in self.lists)

    def _mark(self, matrix: Matrix, layer: int | None) -> Matrix:
        if not matrix.linear:
            return matrix
        if self.kept.matches(matrix.name, layer) or (self.only and not self.only.matches(matrix.name, layer)):
            return replace(matrix, linear=False)
        for modules, scheme in self.others:
            if modules.matches(matrix.name, layer):
                return replace(matrix, scheme=scheme)
        return matrix


def marker(recipe: Recipe) -> Marker | None:
    """None where the recipe treats all linear layers alike."""
    if recipe.scheme.method == "none" or not (recipe.kept or recipe.only or recipe.others or not recipe.towers):
        return None
    others = tuple((Modules.of(names), scheme) for names, scheme in recipe.others)
    return Marker(Modules.of(recipe.kept), Modules.of(recipe.only), others, recipe.towers)
