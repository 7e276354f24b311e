"""Commands to devices: asked for here, published by a collector, answered by the device on `ack`."""

from datetime import datetime
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, HTTPException
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, one, rows
from api.paging import Page, pages
from api.shapes import Shape, page_of

router = APIRouter(prefix="/devices", tags=["devices"])

MOST_FIELDS = 32

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Number = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]


class CommandBody(BaseModel):
    """`type`, and what the firmware takes with it: flat, text, numbers, true and false."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, bool | Whole | Number | Text]

    type: Literal["voice", "config", "locate"]

    @model_validator(mode="after")
    def _can_be_sent(self) -> "CommandBody":
        if "id" in self.__pydantic_extra__:
            raise ValueError("the id is given by the service")
        if len(self.__pydantic_extra__) > MOST_FIELDS:
            raise ValueError(f"at most {MOST_FIELDS} fields beside type")
        if any(len(name) > 64 or not name.isprintable() for name in self.__pydantic_extra__):
            raise ValueError("names of fields are printable, of at most 64 characters")
        return self


class CommandShape(Shape):
    id: int
    device_id: str
    body: dict[str, Any]
    created_by: str
    created_at: datetime
    attempts: int
    sent_at: datetime | None
    state: Literal["waiting", "sent", "done", "refused", "unanswered"]
    acked_at: datetime | None


SHOWN: LiteralString = """
    SELECT id, command.device_id, body, created_by, created_at, attempts, sent_at, acked_at,
           CASE WHEN ok THEN 'done' WHEN NOT ok THEN 'refused' WHEN sent_at IS NULL THEN 'waiting'
                WHEN next_at IS NULL AND sent_at < now() - interval '1 min' THEN 'unanswered' ELSE 'sent' END AS state
      FROM device_command AS command
      LEFT JOIN command_ack ON command_ack.device_id = command.device_id AND command_id = command.id::text
     WHERE command.device_id = %(device_id)s
"""
PAGE: LiteralString = (
    SHOWN + " AND (%(after)s::bigint IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(fetch)s"
)
ADD: LiteralString = """
    INSERT INTO device_command (device_id, body, created_by) VALUES (%s, %s, %s) RETURNING id
"""


def _status(connection: Database, device_id: str) -> str:
    device = one(connection, "SELECT status FROM device WHERE device_id = %s", (device_id,))
    if device is None:
        raise HTTPException(404, f"no device {device_id!r} in the register")
    return str(device["status"])


@router.post("/{device_id}/commands", status_code=201, response_model=CommandShape)
def post_command(
    device_id: str,
    body: CommandBody,
    caller: Annotated[Caller, Depends(allowed("duty"))],
    connection: Database,
) -> Answer:
    """Have a collector publish it on the device's `cmd`, up to three times a minute apart until the device answers."""
    if _status(connection, device_id) != "active":
        raise HTTPException(409, f"device {device_id!r} is disabled")
    made = one(connection, ADD, (device_id, Jsonb(body.model_dump()), caller.name))
    assert made is not None  # noqa: S101 - INSERT … RETURNING of one row
    shown = one(connection, SHOWN + " AND id = %(id)s", {"device_id": device_id, "id": made["id"]})
    return Answer(shown, status_code=201)


@router.get("/{device_id}/commands", response_model=page_of(CommandShape))
def list_commands(
    device_id: str,
    _: AnyCaller,
    connection: Database,
    page: Annotated[Page, Depends(pages("commands", int))],
) -> Answer:
    """What the device was told, the newest first, and what it answered."""
    _status(connection, device_id)
    (after,) = page.after or (None,)
    found = rows(connection, PAGE, {"device_id": device_id, "after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))
