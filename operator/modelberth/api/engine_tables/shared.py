"""What holds for every engine: the operator's reasons, and variables that no engine may be given."""

from modelberth.api.engine_facts import Owned

BY_MODELBERTH = "set by Modelberth"
REFUSED = "refused"
"""For what would break serving and that no field stands for."""

PLAIN_HTTP = "the Service and the probes speak plain HTTP to the engine; end TLS in front of the Service"
ONE_NODE = "a replica runs on one node; use spec.parallelism for the GPUs of that node"
WEIGHTS_ARE_LOCAL = (
    "Modelberth brings the weights into the pod before the engine starts; say where they are in spec.model.uri"
)
HUB_TOKEN = "only the fetcher may see the hub token, and the engine works offline; use spec.model.secretRef"
ADDRESS = "the Service and the probes find the engine at the address that Modelberth sets; leave it out"
API_KEY = "a key in the arguments or the environment can be read by whoever can read the pod; use spec.apiKeySecretRef"
METRICS = "Modelberth reads the engine's metrics, so they are always on; leave it out"
GPUS = "the device plugin decides which GPUs a pod sees; use spec.parallelism, spec.gpu and spec.device"

ENVIRONMENT = (
    Owned(("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"), "spec.model.secretRef", HUB_TOKEN),
    Owned(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"), BY_MODELBERTH, WEIGHTS_ARE_LOCAL),
    Owned(("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"), "spec.parallelism", GPUS),
)

SET_ENV = ("HOME", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")
SET_ENV_PYTHON = (
    *SET_ENV,
    "TRITON_CACHE_DIR",
    "TORCHINDUCTOR_CACHE_DIR",
    "FLASHINFER_WORKSPACE_BASE",
    "TOKENIZERS_PARALLELISM",
    "OMP_NUM_THREADS",
)
