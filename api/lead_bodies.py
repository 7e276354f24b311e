"""What requests about leads say."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from api.bodies import Body

State = Literal[
    "new", "assigned", "verifying", "unfounded", "confirmed", "filed", "transferred", "decided", "closed"
]
Receiver = Literal["police", "traffic_police", "procuratorate", "ecology", "other_district"]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
Numbers = Annotated[list[Number], Field(min_length=1, max_length=1000)]


class NewLead(Body):
    alerts: Numbers
    note: Note = ""


class Decision(Body):
    """What was decided; kept as given."""

    kind: Literal["penalty", "warning", "no_penalty", "case_withdrawn"]
    amount_yuan: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    document_no: Note = ""
    articles: Note = ""


class Transition(Body):
    """A move (`to` a state), or a sign-off (`to` "review", with `level` and `verdict`)."""

    to: State | Literal["review"]
    note: Note = ""
    assignee: Name | None = None
    level: Name | None = None
    verdict: Literal["approve", "return"] | None = None
    receiver: Receiver | None = None
    basis: Note = ""
    decision: Decision | None = None
    outcome: Literal["executed", "corrected", "not_executed", "feedback_received", "other"] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "Transition":
        if self.to == "review" and (self.level is None or self.verdict is None):
            raise ValueError('a review names its level and a verdict, "approve" or "return"')
        return self


class Assignment(Body):
    assignee: Name
    note: Note = ""


class Merger(Body):
    leads: Numbers
    note: Note = ""


class Split(Body):
    alerts: Numbers
    note: Note = ""


class Remark(Body):
    """A note, or a finding of the verification."""

    kind: Literal["note", "finding"] = "note"
    text: Said
