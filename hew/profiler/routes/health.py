"""GET /healthz: 200 while the program runs; no token."""

from fastapi import APIRouter
from fastapi.responses import Response

from hew.profiler.models import Health
from hew.profiler.routes.common import Source, also, answers, json_response

router = APIRouter()


@router.get("/healthz", openapi_extra=also(answers(Health), 503, "The program has ended", like="200"))
async def healthz(source: Source) -> Response:
    """For load balancers and containers."""
    if source.reader.program_running():
        return json_response(Health("running"))
    return json_response(Health("ended"), status=503)
