"""Multi-token-prediction layers: in the checkpoint, loaded for speculative decoding only."""

from dataclasses import replace

from modelberth.planner.config.attention import hidden_size
from modelberth.planner.config.pieces import linear, norms
from modelberth.planner.config.values import Config
from modelberth.planner.model import Layer, Matrix, StateCache

MAX_DRAFTERS = 64


def drafter_of(config: Config, layers: tuple[Layer, ...]) -> tuple[Matrix, ...]:
    """Each is a layer like the last one that attends, behind a projection of the hidden state and the next token.

    Embedding and head, which checkpoints of DeepSeek and GLM hold once more, are shared by the engines. Source:
    https://github.com/vllm-project/vllm/blob/main/vllm/model_executor/models/deepseek_mtp.py and qwen3_next_mtp.py.
    """
    count = config.count("num_nextn_predict_layers", "mtp_num_hidden_layers", default=0, maximum=MAX_DRAFTERS)
    layer = next((layer for layer in reversed(layers) if not isinstance(layer.cache, StateCache)), None)
    if not count or layer is None:
        return ()
    hidden = hidden_size(config)
    one = (
        *layer.matrices,
        *linear("eh_proj", 2 * hidden, hidden, split="replicated"),
        *norms(("enorm", "hnorm", "shared_head.norm"), hidden),
    )
    return tuple(replace(matrix, count=matrix.count * count) for matrix in one)
