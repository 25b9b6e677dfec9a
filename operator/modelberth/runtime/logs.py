"""Structured logs: one line per event, with the object's namespace/name where there is one."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["json", "text"]


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if object_name := _object(record):
            line["object"] = object_name
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        object_name = _object(record)
        where = f"{object_name}: " if object_name else ""
        line = f"{self.formatTime(record)} {record.levelname:<7} {where}{record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _object(record: logging.LogRecord) -> str:
    key: tuple[str, str] | None = getattr(record, "key", None)
    return "/".join(key) if key else ""


def configure_logs(level: str, form: LogFormat) -> None:
    """Everything to stderr. kopf tells every event at INFO; its warnings are enough."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("kopf", "aiohttp.access", "asyncio", "httpx2", "httpcore2", "huggingface_hub"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
