"""What the activator answers itself: errors as OpenAI writes them, the list of models, health."""

import json
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from modelberth.activator.slices import Door

RETRY_AFTER_S = 5
HEALTH = frozenset({"/", "/health", "/healthz", "/health_generate", "/ping", "/v1/health"})
"""Health paths of vLLM, SGLang and llama-server, and what load balancers ask. A model that sleeps is well."""
MODELS = "/v1/models"


def error(status: int, message: str, code: str) -> web.Response:
    """An error body as the OpenAI API has it; 503 says when to come back."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    answer = _json(body, status)
    if status == 503:
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def asleep(door: Door, path: str, authorized: bool) -> web.Response:
    """The answer to a GET or HEAD while no pod is ready: these never wake a model."""
    if path in HEALTH:
        return _closing(web.Response(text=""))
    if path == MODELS or path.startswith(f"{MODELS}/"):
        return _models(door, path, authorized)
    return error(503, f"{door.served_name} sleeps: a POST wakes it", "model_asleep")


def _models(door: Door, path: str, authorized: bool) -> web.Response:
    if door.needs_key and not authorized:
        return error(401, "this model asks for an API key: Authorization: Bearer KEY", "invalid_api_key")
    model = {"id": door.served_name, "object": "model", "created": door.created, "owned_by": "modelberth"}
    if path == MODELS:
        return _json({"object": "list", "data": [model]}, 200)
    if unquote(path.removeprefix(f"{MODELS}/")) == door.served_name:
        return _json(model, 200)
    return error(404, f"the model of this address is {door.served_name}", "model_not_found")


def _json(body: dict[str, Any], status: int) -> web.Response:
    return _closing(web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json"))


def _closing(answer: web.Response) -> web.Response:
    answer.headers["Connection"] = "close"
    answer.force_close()
    return answer
