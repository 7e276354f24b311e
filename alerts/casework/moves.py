"""The way of a lead as a table: which moves there are, and for which roles.

    new -> assigned -> verifying -> unfounded
                                 -> confirmed -> transferred -> closed
                                              -> filed -> (review, level by level) -> decided -> closed

Back ways: what was unfounded or closed is reopened by the duty officer; what a receiver returns is confirmed again.
The database holds the same table (`lead_move`) and refuses every other move. An admin may make any of them.
"""

from typing import NamedTuple

from runtime.errors import FleetfumeError

STATES = (
    "new",
    "assigned",
    "verifying",
    "unfounded",
    "confirmed",
    "filed",
    "transferred",
    "decided",
    "closed",
)
RECEIVERS = ("police", "traffic_police", "procuratorate", "ecology", "other_district")
DECISIONS = ("penalty", "warning", "no_penalty", "case_withdrawn")
OUTCOMES = ("executed", "corrected", "not_executed", "feedback_received", "other")
VERDICTS = ("approve", "return")
REVIEW = "review"
MERGEABLE = frozenset({"new", "assigned", "verifying", "confirmed"})
ENDED = frozenset({"unfounded", "closed"})


class MoveRefused(FleetfumeError):
    """The lead is not where this move begins: reload it, somebody may have been first."""


class RoleRefused(FleetfumeError):
    """The move is for another role, or for another person."""


class Move(NamedTuple):
    before: str
    after: str
    roles: frozenset[str]


def _move(before: str, after: str, *roles: str) -> Move:
    return Move(before, after, frozenset({*roles, "admin"}))


MOVES = (
    _move("new", "assigned", "duty"),
    _move("assigned", "verifying", "squad"),
    _move("verifying", "unfounded", "squad"),
    _move("verifying", "confirmed", "squad"),
    _move("confirmed", "filed", "squad", "reviewer"),
    _move("confirmed", "transferred", "duty", "squad", "reviewer"),
    _move("filed", "transferred", "squad", "reviewer"),
    _move("filed", "decided", "reviewer"),
    _move("decided", "closed", "duty", "squad", "reviewer"),
    _move("transferred", "closed", "duty", "squad", "reviewer"),
    _move("transferred", "confirmed", "duty", "squad", "reviewer"),
    _move("unfounded", "assigned", "duty"),
    _move("closed", "assigned", "duty"),
)


def next_states(state: str, role: str) -> list[str]:
    """Where someone with `role` may move a lead in `state`, but for reviews."""
    return [move.after for move in MOVES if move.before == state and role in move.roles]


def check_move(state: str, to: str, role: str) -> None:
    """MoveRefused or RoleRefused, unless `role` may move a lead from `state` to `to`."""
    move = next((move for move in MOVES if (move.before, move.after) == (state, to)), None)
    if move is None:
        possible = ", ".join(m.after for m in MOVES if m.before == state) or "nothing"
        raise MoveRefused(f"a lead that is {state!r} cannot become {to!r}; it can become {possible}")
    if role not in move.roles:
        raise RoleRefused(f"moving a lead to {to!r} is for {' or '.join(sorted(move.roles))}, not {role!r}")
