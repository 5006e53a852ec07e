"""GET /docs: the API for people, made from its own OpenAPI description; nothing comes from other hosts."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hew.profiler.routes.common import text_response

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """A plain list of paths, parameters and fields."""
    description = request.app.openapi()
    entries = "".join(_entry(path, methods["get"]) for path, methods in description["paths"].items())
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>hew profiler: API</title></head><body>'
        f'<h1>hew profiler: API</h1><p>Machine-readable: <a href="/openapi.json">/openapi.json</a></p>{entries}'
        "</body></html>"
    )
    return text_response(html, media_type="text/html; charset=utf-8")


def _entry(path: str, operation: dict[str, Any]) -> str:
    summary = escape(operation.get("description", operation.get("summary", "")))
    parameters = ", ".join(escape(each["name"]) for each in operation.get("parameters", []))
    fields = ", ".join(escape(name) for name in _fields(operation))
    rows = f"<p>{summary}</p>"
    rows += f"<p>Parameters: {parameters}</p>" if parameters else ""
    rows += f"<p>Fields: {fields}</p>" if fields else ""
    return f"<h2><code>GET {escape(path)}</code></h2>{rows}"


def _fields(operation: dict[str, Any]) -> list[str]:
    content = operation["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return list(schema.get("items", schema).get("properties", {}))
