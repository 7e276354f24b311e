"""The register, to change row by row: what an import does for all of it, by the same checks and in the same history.

A body is a row as `GET` shows it. Writers take turns: what is looked at here is what is changed.
"""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Depends, HTTPException, Path
from psycopg import Connection
from pydantic import TypeAdapter, WithJsonSchema
from starlette.responses import Response

from api.answers import Answer
from api.auth import Caller, allowed
from api.database import Database
from api.routes.register import not_there, path_of_one
from api.shapes import created
from devices.checks import Problem, RegistryFilesError, parse_row
from devices.nouns import NOUNS, Noun
from devices.repository import TABLES, delete_row, load_registry, lock_registry, put_row

router = APIRouter(tags=["register"])

Admin = Annotated[Caller, Depends(allowed())]

MAX_BODY_BYTES = 4 * 1024 * 1024  # the outline of a whole district
SHOWN_REFERENCES = 20
SHOWN_BESIDE = {
    "vehicles": {"company_name", "device_id", "latest"},
    "devices": {"online", "online_since", "offline_since", "firmware"},
    "outlets": {"effective_limit_mg_m3", "device_id", "latest", "alert"},
}
"""What `GET` shows beside a row's own columns: not looked at when it comes back."""


def _body_of(noun: Noun) -> Any:
    """Any object, because the checks are the import's; described as the row it must be."""
    schema = TypeAdapter(noun.row).json_schema()
    schema["required"] = sorted({*noun.required, *(["geometry"] if noun.shapes else [])})
    return Annotated[dict[str, Any], Body(), WithJsonSchema(schema)]


def _known(connection: Connection[Any], noun: Noun) -> dict[str, Any]:
    """The noun's rows, which nobody else changes until the request ends."""
    lock_registry(connection)
    return dict(getattr(load_registry(connection), noun.name))


def _row(noun: Noun, body: dict[str, Any]) -> Any:
    beside = SHOWN_BESIDE.get(noun.name, set())
    return parse_row(noun, {name: cell for name, cell in body.items() if name not in beside})


def _poster(noun: Noun) -> Callable[..., Response]:
    def post_row(caller: Admin, connection: Database, body: _body_of(noun)) -> Response:  # type: ignore[valid-type]
        row = _row(noun, body)
        key = getattr(row, noun.key)
        if key in _known(connection, noun):
            raise HTTPException(
                409, f"{noun.key} {key!r} is among the {noun.name} already; PUT replaces a row"
            )
        put_row(connection, noun.name, row, actor=caller.name, note=f"POST {noun.name} {key}")
        return created(row, f"/api/v1/{noun.name}/{quote(key, safe='')}")

    post_row.__name__ = f"post_{TABLES[noun.name]}"
    post_row.__doc__ = f"Add a row to the {noun.name}; what is judged from now on is judged by it."
    return post_row


def _putter(noun: Noun) -> Callable[..., Response]:
    def replace_row(
        caller: Admin,
        connection: Database,
        key: Annotated[str, Path(alias=noun.key)],
        body: _body_of(noun),  # type: ignore[valid-type]
    ) -> Response:
        row = _row(noun, {noun.key: key, **body})
        if getattr(row, noun.key) != key:
            reason = f"is {getattr(row, noun.key)!r}, and the path says {key!r}; a row keeps its key"
            raise RegistryFilesError([Problem(noun.file, "", noun.key, reason)])
        if key not in _known(connection, noun):
            raise not_there(noun, key)
        put_row(connection, noun.name, row, actor=caller.name, note=f"PUT {noun.name} {key}")
        return Answer(row)

    replace_row.__name__ = f"put_{TABLES[noun.name]}"
    replace_row.__doc__ = f"Replace a row of the {noun.name} whole: a column that is left out is unknown."
    return replace_row


def _deleter(noun: Noun) -> Callable[..., Response]:
    def remove_row(
        caller: Admin, connection: Database, key: Annotated[str, Path(alias=noun.key)]
    ) -> Response:
        if key not in _known(connection, noun):
            raise not_there(noun, key)
        try:
            delete_row(connection, noun.name, key, actor=caller.name, note=f"DELETE {noun.name} {key}")
        except RegistryFilesError as error:
            raise HTTPException(409, _still_wanted(noun, key, error.problems)) from None
        return Response(status_code=204)

    remove_row.__name__ = f"delete_{TABLES[noun.name]}"
    remove_row.__doc__ = f"Remove a row from the {noun.name}, unless others refer to it; its history stays."
    return remove_row


def _still_wanted(noun: Noun, key: str, dangling: list[Problem]) -> str:
    named = [f"{problem.file}, {problem.row} ({problem.field})" for problem in dangling[:SHOWN_REFERENCES]]
    more = len(dangling) - len(named)
    return (
        f"{noun.key} {key!r} is still referred to, so it stays: {'; '.join(named)}"
        f"{f'; and {more} more' if more else ''}. Change or remove those first"
    )


for _noun in NOUNS:
    router.post(
        f"/{_noun.name}", status_code=201, max_body_size=MAX_BODY_BYTES, response_model=_noun.row,
        responses={403: {}, 409: {}},
    )(_poster(_noun))  # fmt: skip
    router.put(
        path_of_one(_noun),
        max_body_size=MAX_BODY_BYTES,
        response_model=_noun.row,
        responses={403: {}, 404: {}},
    )(_putter(_noun))
    router.delete(path_of_one(_noun), status_code=204, responses={403: {}, 404: {}, 409: {}})(_deleter(_noun))
