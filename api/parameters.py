"""Query and path parameters that several routes share."""

import re
from datetime import timedelta
from typing import Annotated

from fastapi import HTTPException, Path, Query
from pydantic import AfterValidator, AwareDatetime

from runtime.instants import within_ever

_Instant = Annotated[AwareDatetime, AfterValidator(within_ever)]
From = Annotated[_Instant | None, Query(alias="from", description="RFC 3339, with Z or an offset; inclusive")]
To = Annotated[_Instant | None, Query(description="RFC 3339, with Z or an offset; exclusive")]
Identity = Annotated[int, Path(ge=1, le=2**63 - 1)]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
MAX_EVERY = timedelta(days=31)


def read_every(text: str) -> timedelta:
    """`1m`, `10m`, `1h`, `1d`; HTTPException 422 otherwise."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    every = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else MAX_EVERY * 2
    if every > MAX_EVERY:
        raise HTTPException(
            422, f"every={text!r}: must be like 1m, 10m, 1h or 1d, and at most {MAX_EVERY.days}d; or 1mo"
        )
    return every
