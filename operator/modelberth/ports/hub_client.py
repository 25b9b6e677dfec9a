"""How huggingface-hub is set up here; everything that talks to the hub imports it through this file.

huggingface-hub reads its environment once, when it is imported. Without HF_HUB_DISABLE_TELEMETRY it asks the hub for
a registry of agent names before the first request and writes it below HOME, which is read-only in our pods.
"""

import os

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
# Its HTTP client (httpx2) honours SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY,
# but not the variable that requests taught everybody.
if "REQUESTS_CA_BUNDLE" in os.environ:
    os.environ.setdefault("SSL_CERT_FILE", os.environ["REQUESTS_CA_BUNDLE"])

from huggingface_hub import HfApi, constants, errors, hf_hub_url
from huggingface_hub.file_download import get_hf_file_metadata, http_get
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    disable_progress_bars,
    get_session,
    hf_raise_for_status,
    logging,
)

disable_progress_bars()
# Its warnings quote URLs, and those of a CDN carry signatures. Failures reach people as HubProblem instead.
logging.get_logger().setLevel("ERROR")
# Set in the environment, HF_DEBUG prints every request.
constants.HF_DEBUG = False
# In bytes. What a broken connection has delivered of a chunk is lost: at the default of 10 MiB a slow, flaky line would
# never finish, and progress would come in leaps.
constants.DOWNLOAD_CHUNK_SIZE = 1 << 18

DEFAULT_ENDPOINT = "https://huggingface.co"

__all__ = [
    "DEFAULT_ENDPOINT",
    "HfApi",
    "build_hf_headers",
    "errors",
    "get_hf_file_metadata",
    "get_session",
    "hf_hub_url",
    "hf_raise_for_status",
    "http_get",
]
