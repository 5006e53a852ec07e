"""GET /api/findings: what looks wrong, said by the program itself."""

from fastapi import APIRouter
from fastapi.responses import Response

from hew.profiler.models import Finding
from hew.profiler.routes.common import Source, answers, json_response

router = APIRouter()


@router.get("/api/findings", openapi_extra=answers(list[Finding]))
async def findings(source: Source) -> Response:
    """Findings that stand now, with evidence: backpressure, hot_actor, leak, saturation. Empty: nothing looks wrong."""
    return json_response(source.board.findings())
