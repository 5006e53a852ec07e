"""GET /api/handlers: how long messages wait and how long the work on them takes, per actor type and handler."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hew.profiler.models import HandlerRow
from hew.profiler.routes.common import Source, answers, json_response

MAX_ROWS: Final = 1000  # handlers in one answer

router = APIRouter()


@router.get("/api/handlers", openapi_extra=answers(list[HandlerRow]))
async def handlers(source: Source, buckets: Annotated[Literal["0", "1"], Query()] = "0") -> Response:
    """Most messages first. `buckets=1`: with the 64 counts behind each percentile."""
    rows, total = source.reader.handler_rows(MAX_ROWS, buckets=buckets == "1")
    headers = {"X-Total-Count": str(total)}
    if total > len(rows):
        headers["X-Truncated"] = "true"
    return json_response(rows, headers=headers)
