"""GET /api/memory: the allocator's figures."""

from fastapi import APIRouter
from fastapi.responses import Response

from hew.profiler.models import Memory
from hew.profiler.routes.common import Source, answers, json_response

router = APIRouter()


@router.get("/api/memory", openapi_extra=answers(Memory))
async def memory(source: Source) -> Response:
    """Allocations, frees, bytes live and at their peak."""
    return json_response(source.reader.memory())
