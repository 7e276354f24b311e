"""The table of moves: who may take a lead where; and that the database holds the same one."""

import itertools

import psycopg
import pytest

from alerts.casework.moves import MOVES, STATES, MoveRefused, RoleRefused, check_move, next_states

ROLES = ("duty", "squad", "reviewer", "admin", "viewer")

CONTRACT = {
    ("new", "assigned"): {"duty", "admin"},
    ("assigned", "verifying"): {"squad", "admin"},
    ("verifying", "unfounded"): {"squad", "admin"},
    ("verifying", "confirmed"): {"squad", "admin"},
    ("confirmed", "filed"): {"squad", "reviewer", "admin"},
    ("confirmed", "transferred"): {"duty", "squad", "reviewer", "admin"},
    ("filed", "transferred"): {"squad", "reviewer", "admin"},
    ("filed", "decided"): {"reviewer", "admin"},
    ("decided", "closed"): {"duty", "squad", "reviewer", "admin"},
    ("transferred", "closed"): {"duty", "squad", "reviewer", "admin"},
    ("transferred", "confirmed"): {"duty", "squad", "reviewer", "admin"},
    ("unfounded", "assigned"): {"duty", "admin"},
    ("closed", "assigned"): {"duty", "admin"},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_makes_the_contracts_moves_and_no_others(role: str) -> None:
    made = set()
    for before, after in itertools.product(STATES, STATES):
        try:
            check_move(before, after, role)
        except (MoveRefused, RoleRefused):
            continue
        made.add((before, after))
    assert made == {move for move, roles in CONTRACT.items() if role in roles}
    assert made == {(before, after) for before in STATES for after in next_states(before, role)}


def test_a_refusal_says_what_is_possible_and_for_whom() -> None:
    with pytest.raises(
        MoveRefused, match="a lead that is 'new' cannot become 'confirmed'; it can become assigned"
    ):
        check_move("new", "confirmed", "admin")
    with pytest.raises(RoleRefused, match="is for admin or squad, not 'duty'"):
        check_move("assigned", "verifying", "duty")


def test_every_move_stands_once() -> None:
    pairs = [(move.before, move.after) for move in MOVES]
    assert len(pairs) == len(set(pairs))


def test_the_database_holds_the_same_table(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        held = connection.execute("SELECT before, after, roles FROM lead_move").fetchall()
    assert {(before, after): {*roles, "admin"} for before, after, roles in held} == CONTRACT
