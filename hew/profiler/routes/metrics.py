"""GET /api/metrics: all counters, now."""

from fastapi import APIRouter
from fastapi.responses import Response

from hew.profiler.models import Metrics
from hew.profiler.routes.common import Source, answers, json_response

router = APIRouter()


@router.get("/api/metrics", openapi_extra=answers(Metrics))
async def metrics(source: Source) -> Response:
    """Scheduler and memory counters, taken at the request."""
    return json_response(source.reader.metrics())
