"""Instants in requests."""

from typing import Annotated

from pydantic import AwareDatetime, Field

# An instant without an offset would mean one thing here and another in the district.
Instant = Annotated[AwareDatetime, Field(description="RFC 3339, with Z or an offset")]
