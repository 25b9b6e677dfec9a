"""SGLang 0.4.0 to 0.5.23. Quantizations: QUANTIZATION_CHOICES of each release; flags: its ServerArgs."""

import json
import re
from importlib import resources

from modelberth.api.engine_facts import EngineFacts, Owned, Supported
from modelberth.api.engine_tables import shared

_QUANTIZATIONS = (
    Supported("auto"),
    Supported("none"),
    Supported("awq"),
    Supported("awq_marlin"),
    Supported("gptq"),
    Supported("gptq_marlin"),
    Supported("bitsandbytes"),
    Supported("gguf"),
    Supported("fp8"),
    Supported("w8a8_fp8", since=(0, 4, 6)),
    Supported("w8a8_int8", since=(0, 4, 3)),
    Supported("w4afp8", since=(0, 5, 1)),
    Supported("compressed-tensors", since=(0, 4)),
    Supported("mxfp4", since=(0, 5, 1)),
    Supported("mxfp8", since=(0, 5, 10)),
    Supported("nvfp4", since=(0, 4, 6)),
    Supported("nvfp4_online", since=(0, 5, 14)),
    Supported("modelopt", since=(0, 4, 3)),
    Supported("modelopt_fp8", since=(0, 5, 5)),
    Supported("modelopt_fp4", since=(0, 4, 6)),
    Supported("modelopt_mixed", since=(0, 5, 10)),
    Supported("petit_nvfp4", since=(0, 5, 1)),
    Supported("moe_wna16", since=(0, 4, 6)),
    Supported("auto-round", since=(0, 5, 5)),
    Supported("auto-round-int8", since=(0, 5, 16)),
    Supported("modelslim", since=(0, 5, 8)),
    Supported("mxfp_w4a8", since=(0, 5, 16)),
    Supported("quark", since=(0, 5, 12)),
    Supported("quark_int4fp8_moe", since=(0, 5, 8)),
    Supported("quark_mxfp4", since=(0, 5, 14)),
    Supported("humming", since=(0, 5, 16)),
    Supported("mlx_q4", since=(0, 5, 12)),
    Supported("mlx_q8", since=(0, 5, 12)),
    Supported("unquant", since=(0, 5, 12)),
    Supported("marlin", until=(0, 5, 20)),
    Supported("qoq", since=(0, 4, 9), until=(0, 5, 16)),
)

_KV_CACHE_DTYPES = (
    Supported("auto"),
    Supported("bfloat16", since=(0, 5, 5)),
    Supported("bf16", since=(0, 5, 5)),
    Supported("fp8", since=(0, 4, 3)),
    Supported("fp8_e4m3", since=(0, 4, 3)),
    Supported("fp8_e5m2"),
    Supported("mxfp8", since=(0, 5, 16)),
    Supported("nvfp4", since=(0, 5, 16)),
    Supported("fp4_mx_block16", since=(0, 5, 16)),
    Supported("fp4_e2m1", since=(0, 5, 5), until=(0, 5, 16)),
)

_PRINTED = "SGLang prints its arguments, the key too, when it starts"
_NO_HTTP = "it replaces the OpenAI API over HTTP that the Service leads to; leave it out"

_OWNED_FLAGS = (
    Owned(("--model-path", "--model"), "spec.model.uri"),
    Owned(("--revision",), "spec.model.uri", "write the revision into spec.model.uri: hf://org/name@revision"),
    Owned(("--served-model-name",), "spec.model.servedName"),
    Owned(("--trust-remote-code",), "spec.model.trustRemoteCode"),
    Owned(("--dtype",), "spec.dtype"),
    Owned(("--quantization",), "spec.quantization"),
    Owned(("--context-length",), "spec.maxModelLen"),
    Owned(("--max-running-requests",), "spec.maxNumSeqs"),
    Owned(("--kv-cache-dtype",), "spec.kvCacheDtype"),
    Owned(("--mem-fraction-static",), "spec.gpuMemoryUtilization"),
    Owned(("--max-total-tokens",), "spec.gpuMemoryUtilization"),
    Owned(("--tp-size", "--tensor-parallel-size"), "spec.parallelism.tensor", habits=("--tp",)),
    Owned(("--pp-size", "--pipeline-parallel-size"), "spec.parallelism.pipeline", habits=("--pp",)),
    Owned(("--dp-size", "--data-parallel-size"), "spec.parallelism.data", habits=("--dp",)),
    Owned(("--nnodes",), shared.REFUSED, shared.ONE_NODE),
    Owned(("--node-rank",), shared.REFUSED, shared.ONE_NODE),
    Owned(("--dist-init-addr", "--nccl-init-addr"), shared.REFUSED, shared.ONE_NODE),
    Owned(("--device",), "spec.device"),
    Owned(("--base-gpu-id",), "spec.parallelism", shared.GPUS),
    Owned(("--gpu-id-step",), "spec.parallelism", shared.GPUS),
    Owned(("--host",), shared.BY_MODELBERTH, shared.ADDRESS),
    Owned(("--port",), shared.BY_MODELBERTH, shared.ADDRESS),
    Owned(("--smg-grpc-mode",), shared.REFUSED, _NO_HTTP),
    Owned(("--grpc-mode",), shared.REFUSED, _NO_HTTP),
    Owned(
        ("--api-key",),
        shared.REFUSED,
        f"{_PRINTED}; put a gateway that checks keys in front of the Service",
    ),
    Owned(
        ("--admin-api-key",),
        shared.REFUSED,
        f"{_PRINTED}; keep its admin endpoints behind a NetworkPolicy",
    ),
    Owned(("--ssl-keyfile",), shared.REFUSED, shared.PLAIN_HTTP),
    Owned(("--ssl-certfile",), shared.REFUSED, shared.PLAIN_HTTP),
    Owned(("--ssl-ca-certs",), shared.REFUSED, shared.PLAIN_HTTP),
    Owned(("--ssl-keyfile-password",), shared.REFUSED, shared.PLAIN_HTTP),
    Owned(("--enable-metrics",), shared.BY_MODELBERTH, shared.METRICS),
)

_OWNED_ENV = (
    *shared.ENVIRONMENT,
    Owned(("SGLANG_USE_CPU_ENGINE",), "spec.device"),
    Owned(("SGLANG_USE_MODELSCOPE",), "spec.model.uri", shared.WEIGHTS_ARE_LOCAL),
)

FACTS = EngineFacts(
    type="SGLang",
    newest=(0, 5, 23),
    # v0.5.23, 0.5.23, v0.5.23-xeon, v0.5.10.post1, latest-v0.5.23
    tag=re.compile(r"(?:^v?|[-_]v)(\d+)\.(\d+)(?:\.(\d+))?(?!\d)"),
    quantizations=_QUANTIZATIONS,
    kv_cache_dtypes=_KV_CACHE_DTYPES,
    owned_flags=_OWNED_FLAGS,
    owned_env=_OWNED_ENV,
    set_env=(*shared.SET_ENV_PYTHON, "SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION"),
    config_flags=("--config",),
    abbreviations=True,
    flag_prefixes=tuple(json.loads(resources.files(__package__).joinpath("sglang_flags.json").read_text())),
)
