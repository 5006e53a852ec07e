"""GET /api/actors: live actors, most messages first."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from hew.actors import ActorQuery, SortKey, State
from hew.profiler.models import ActorRow
from hew.profiler.routes.common import DIGITS, Served, Source, answers, json_rows
from hew.profiler.routes.large import LargeResponse, Pieces, in_turns

router = APIRouter()


class ActorParameters(BaseModel):
    """The query string; what is not named here is ignored."""

    sort: SortKey = "msgs"
    order: Literal["asc", "desc"] = "desc"
    limit: Annotated[int | None, Field(ge=0, le=2**53 - 1), DIGITS] = None
    type: Annotated[str | None, Field(max_length=1000)] = None
    state: State | None = None
    all: Literal["0", "1"] = "0"

    def query(self) -> ActorQuery:
        """As the reader takes it."""
        return ActorQuery(
            sort=self.sort,
            descending=self.order == "desc",
            limit=self.limit,
            type_name=self.type,
            state=self.state,
            include_main=self.all == "1",
        )


@router.get("/api/actors", openapi_extra=answers(list[ActorRow]))
async def actors(source: Source, parameters: Annotated[ActorParameters, Query()]) -> Response:
    """Live actors and those that ended in the last seconds."""
    return LargeResponse(source.large, partial(_rows, source, parameters.query()))


async def _rows(source: Served, query: ActorQuery) -> Pieces:
    found = await in_turns(source.reader.list_actors(query))
    headers = {"X-Total-Count": str(found.total)}
    if found.truncated:
        headers["X-Truncated"] = "true"
    return Pieces(json_rows(found.rows), "application/json", headers)
