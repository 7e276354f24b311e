"""What the office sets for itself: review levels, deadlines, and the days that are worked."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.casework.reviews import PUT_RULE, Level, distinct_people, load_levels, store_levels
from alerts.casework.workdays import load_calendar
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, one, rows
from api.shapes import Shape

router = APIRouter(prefix="/office", tags=["office"])

Admin = Annotated[Caller, Depends(allowed())]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class LevelBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    level: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,31}$")]
    label_zh: Word
    label_en: Word
    roles: list[Literal["duty", "squad", "reviewer"]] = ["reviewer"]


class ReviewRules(BaseModel):
    model_config = ConfigDict(extra="forbid")

    distinct_people: bool


class DeadlineBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: Annotated[int, Field(ge=1, le=400)]
    counted: Literal["working", "calendar"]
    basis: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    confirmed: bool


class DayBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    working: bool
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class DeadlineShape(Shape):
    subject: str
    days: int
    counted: str
    basis: str
    as_of: date
    confirmed: bool


class DayShape(Shape):
    day: date
    working: bool
    known: bool
    note: str | None


@router.get("/review-levels", response_model=list[LevelBody])
def list_levels(_: AnyCaller, connection: Database) -> Answer:
    """Who signs a filed case off, in order."""
    return Answer(load_levels(connection))


@router.put("/review-levels", response_model=list[LevelBody])
def put_levels(
    _: Admin, connection: Database, body: Annotated[list[LevelBody], Field(min_length=1, max_length=12)]
) -> Answer:
    """Replace the list. Cases that are filed keep the list they were filed with."""
    store_levels(connection, [Level(**level.model_dump()) for level in body])
    return Answer(load_levels(connection))


@router.get("/review-rules", response_model=ReviewRules)
def get_review_rules(_: AnyCaller, connection: Database) -> Answer:
    """Whether each level must be another person's. Who verified or confirmed a lead never signs it."""
    return Answer({"distinct_people": distinct_people(connection)})


@router.put("/review-rules", response_model=ReviewRules)
def put_review_rules(_: Admin, connection: Database, body: ReviewRules) -> Answer:
    """From now on, for cases that are under review too."""
    connection.execute(PUT_RULE, (body.distinct_people,))
    return Answer(body.model_dump())


DEADLINES: LiteralString = "SELECT * FROM deadline ORDER BY subject"
PUT_DEADLINE: LiteralString = """
    UPDATE deadline SET days = %(days)s, counted = %(counted)s, basis = %(basis)s, confirmed = %(confirmed)s,
           as_of = current_date
     WHERE subject = %(subject)s
    RETURNING *
"""


@router.get("/deadlines", response_model=list[DeadlineShape])
def list_deadlines(_: AnyCaller, connection: Database) -> Answer:
    """By when each state of a lead, or step of a transfer, is due. `confirmed` false: check it against its basis."""
    return Answer(rows(connection, DEADLINES))


@router.put("/deadlines/{subject}", response_model=DeadlineShape)
def put_deadline(_: Admin, connection: Database, subject: str, body: DeadlineBody) -> Answer:
    changed = one(connection, PUT_DEADLINE, {"subject": subject, **body.model_dump()})
    if changed is None:
        raise HTTPException(404, f"no deadline {subject!r}; GET /office/deadlines lists them")
    return Answer(changed)


DAYS: LiteralString = "SELECT day, note FROM calendar_day WHERE day BETWEEN %s AND %s"
PUT_DAY: LiteralString = """
    INSERT INTO calendar_day (day, working, note) VALUES (%(day)s, %(working)s, %(note)s)
        ON CONFLICT (day) DO UPDATE SET working = excluded.working, note = excluded.note
"""


@router.get("/calendar", response_model=list[DayShape])
def list_days(_: AnyCaller, connection: Database, year: Annotated[int, Query(ge=2004, le=2100)]) -> Answer:
    """Every day of a year: whether it is worked, and whether a notice says so (`known`) or the weekday alone."""
    calendar = load_calendar(connection)
    first = date(year, 1, 1)
    days = [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]
    notes = {row["day"]: row["note"] for row in rows(connection, DAYS, (days[0], days[-1]))}
    return Answer([_day(calendar, day, notes) for day in days])


@router.put("/calendar/{day}", response_model=DayShape)
def put_day(_: Admin, connection: Database, day: date, body: DayBody) -> Answer:
    """Say that a day is worked or not, whatever the library knows."""
    connection.execute(PUT_DAY, {"day": day, **body.model_dump()})
    return Answer(_day(load_calendar(connection), day, {day: body.note}))


@router.delete("/calendar/{day}", response_model=DayShape)
def delete_day(_: Admin, connection: Database, day: date) -> Answer:
    """Go back to what the library says of a day."""
    connection.execute("DELETE FROM calendar_day WHERE day = %s", (day,))
    return Answer(_day(load_calendar(connection), day, {}))


def _day(calendar: Any, day: date, notes: dict[date, str]) -> dict[str, Any]:
    return {
        "day": day, "working": calendar.is_working(day), "known": calendar.is_known(day), "note": notes.get(day)
    }  # fmt: skip
