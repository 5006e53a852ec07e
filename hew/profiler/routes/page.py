"""GET /: the dashboard, one self-contained page."""

from functools import cache

from fastapi import APIRouter
from fastapi.responses import Response

from hew.profiler.page import Page, build, static_directory

router = APIRouter()


@cache
def _page() -> Page:
    return build(static_directory())


@router.get("/", include_in_schema=False)
async def dashboard() -> Response:
    """The page, with the policy that allows its own parts and nothing else."""
    page = _page()
    response = Response(page.html, headers={"content-security-policy": page.policy})
    response.headers["content-type"] = "text/html; charset=utf-8"
    return response
