"""GET /api/metrics/history: the last five minutes, one entry a second."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hew.profiler.models import HistoryEntry
from hew.profiler.routes.common import DIGITS, Source, answers, json_response

router = APIRouter()


@router.get("/api/metrics/history", openapi_extra=answers(list[HistoryEntry]))
async def history(source: Source, since: Annotated[int, Query(ge=-1, le=2**53 - 1), DIGITS] = -1) -> Response:
    """Entries, oldest first; with `since` those later than it."""
    return json_response(source.history.since(since))
