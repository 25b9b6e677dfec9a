"""llama.cpp's llama-server, by build number. Weights are GGUF files, which say their own quantization."""

import re

from modelberth.api.engine_facts import EngineFacts, Owned, Supported
from modelberth.api.engine_tables import shared

_KV_CACHE_DTYPES = tuple(
    Supported(name)
    for name in (
        *("auto", "half", "bfloat16", "float32"),
        *("f16", "bf16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"),
    )
)

_MANY_MODELS = "a replica serves one model; make a ModelDeployment for each"

_FLAGS_AND_VARIABLES = (
    (Owned(("--model", "-m"), "spec.model.uri"), ("LLAMA_ARG_MODEL",)),
    (Owned(("--model-url", "-mu"), "spec.model.uri", shared.WEIGHTS_ARE_LOCAL), ("LLAMA_ARG_MODEL_URL",)),
    (Owned(("--docker-repo", "-dr"), "spec.model.uri", shared.WEIGHTS_ARE_LOCAL), ("LLAMA_ARG_DOCKER_REPO",)),
    (Owned(("--hf-repo", "-hf", "-hfr"), "spec.model.uri", shared.WEIGHTS_ARE_LOCAL), ("LLAMA_ARG_HF_REPO",)),
    (Owned(("--hf-file", "-hff"), "spec.model.uri", shared.WEIGHTS_ARE_LOCAL), ("LLAMA_ARG_HF_FILE",)),
    (Owned(("--hf-token", "-hft"), "spec.model.secretRef", shared.HUB_TOKEN), ("HF_TOKEN",)),
    (Owned(("--offline",), shared.BY_MODELBERTH, shared.WEIGHTS_ARE_LOCAL), ("LLAMA_ARG_OFFLINE",)),
    (Owned(("--models-dir",), "spec.model.uri", _MANY_MODELS), ("LLAMA_ARG_MODELS_DIR",)),
    (Owned(("--alias", "-a"), "spec.model.servedName"), ("LLAMA_ARG_ALIAS",)),
    (Owned(("--ctx-size", "-c"), "spec.maxModelLen"), ("LLAMA_ARG_CTX_SIZE",)),
    (Owned(("--parallel", "-np"), "spec.maxNumSeqs"), ("LLAMA_ARG_N_PARALLEL",)),
    (Owned(("--cache-type-k", "-ctk"), "spec.kvCacheDtype"), ("LLAMA_ARG_CACHE_TYPE_K",)),
    (Owned(("--cache-type-v", "-ctv"), "spec.kvCacheDtype"), ("LLAMA_ARG_CACHE_TYPE_V",)),
    (Owned(("--n-gpu-layers", "--gpu-layers", "-ngl"), "spec.device"), ("LLAMA_ARG_N_GPU_LAYERS",)),
    (Owned(("--device", "-dev"), "spec.device"), ("LLAMA_ARG_DEVICE",)),
    (Owned(("--split-mode", "-sm"), "spec.parallelism"), ("LLAMA_ARG_SPLIT_MODE",)),
    (Owned(("--tensor-split", "-ts"), "spec.parallelism"), ("LLAMA_ARG_TENSOR_SPLIT",)),
    (Owned(("--host",), shared.BY_MODELBERTH, shared.ADDRESS), ("LLAMA_ARG_HOST",)),
    (Owned(("--port",), shared.BY_MODELBERTH, shared.ADDRESS), ("LLAMA_ARG_PORT",)),
    (Owned(("--api-prefix",), shared.REFUSED, shared.ADDRESS), ("LLAMA_ARG_API_PREFIX",)),
    (Owned(("--api-key",), "spec.apiKeySecretRef", shared.API_KEY), ("LLAMA_API_KEY",)),
    (Owned(("--api-key-file",), "spec.apiKeySecretRef"), ("LLAMA_ARG_API_KEY_FILE",)),
    (Owned(("--ssl-key-file",), shared.REFUSED, shared.PLAIN_HTTP), ("LLAMA_ARG_SSL_KEY_FILE",)),
    (Owned(("--ssl-cert-file",), shared.REFUSED, shared.PLAIN_HTTP), ("LLAMA_ARG_SSL_CERT_FILE",)),
    (Owned(("--metrics",), shared.BY_MODELBERTH, shared.METRICS), ("LLAMA_ARG_ENDPOINT_METRICS",)),
)
"""Each flag beside the variable that llama-server reads for it (the ``env:`` in its --help)."""

_SHARED_NAMES = {name for owned in shared.ENVIRONMENT for name in owned.names}

FACTS = EngineFacts(
    type="LlamaCpp",
    newest=(11669,),
    # server-cuda-b11669, server-b11669, b11669
    tag=re.compile(r"(?:^|-)b(\d{3,})(?!\w)"),
    quantizations=(Supported("auto"), Supported("gguf")),
    kv_cache_dtypes=_KV_CACHE_DTYPES,
    owned_flags=tuple(flag for flag, _ in _FLAGS_AND_VARIABLES),
    owned_env=(
        *shared.ENVIRONMENT,
        *(
            Owned(tuple(name for name in variables if name not in _SHARED_NAMES), flag.field, flag.remedy)
            for flag, variables in _FLAGS_AND_VARIABLES
            if not _SHARED_NAMES.issuperset(variables)
        ),
        Owned(("LLAMA_ARG_MODELS_PRESET",), "spec.model.uri", _MANY_MODELS),
    ),
    set_env=shared.SET_ENV,
    config_flags=("--models-preset",),
)
