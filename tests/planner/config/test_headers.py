"""Headers of the files against config.json."""

from dataclasses import replace

import pytest

from modelberth.planner.config.reading import read_model
from modelberth.planner.files import ModelFiles, Tensors

CONFIG = {
    "model_type": "llama",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "vocab_size": 32000,
    "torch_dtype": "bfloat16",
}
PARAMETERS = read_model(ModelFiles(CONFIG)).parameters
NEW = {**CONFIG, "model_type": "brand_new"}


def tensors(parameters: float, drafter: float = 0) -> Tensors:
    count, drafts = round(parameters), round(drafter)
    return Tensors({"BF16": count + drafts}, 2 * (count + drafts), 2 * drafts)


def test_a_known_architecture_may_differ_a_little() -> None:
    model = read_model(ModelFiles(CONFIG))
    assert read_model(ModelFiles(CONFIG, tensors(PARAMETERS * 1.005))) == model
    assert read_model(ModelFiles(CONFIG, tensors(PARAMETERS, drafter=PARAMETERS / 4))) == model


@pytest.mark.parametrize("config", [CONFIG, NEW])
@pytest.mark.parametrize("factor", [0.4, 0.9, 1.2, 3])
def test_the_files_are_right(config: dict[str, object], factor: float) -> None:
    model = read_model(ModelFiles(config, tensors(PARAMETERS * factor)))
    assert model.parameters == pytest.approx(PARAMETERS * factor, rel=0.001)
    assert any("the files hold" in note for note in model.estimated)


def test_packed_types_are_not_compared() -> None:
    config = {**CONFIG, "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}}
    packed = Tensors({"I32": PARAMETERS // 8, "F16": PARAMETERS // 64}, PARAMETERS // 2)
    assert read_model(ModelFiles(config, packed)) == read_model(ModelFiles(config))


def test_unknown_quantization_takes_its_bits_from_the_files() -> None:
    config = {**CONFIG, "quantization_config": {"quant_method": "brand-new"}}
    model = read_model(ModelFiles(config))
    matrices = [*(matrix for layer in model.layers for matrix in layer.matrices), *model.embedding, *model.head]
    size = sum(matrix.elements * (3 / 8 if matrix.linear else 2) for matrix in matrices)
    measured = read_model(ModelFiles(config, Tensors({"U8": 1}, round(size))))
    assert measured.scheme.bits == pytest.approx(3, abs=0.01)
    assert measured == replace(model, scheme=measured.scheme)


def test_an_unknown_architecture_says_so() -> None:
    assert read_model(ModelFiles(NEW)).estimated == ("the architecture brand_new is not known",)
