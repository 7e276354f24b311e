"""The table of moves: who may take a lead where."""

import itertools

import pytest

from alerts.leads import MOVES, MoveRefused, RoleRefused, check_move, next_states

ROLES = ("duty", "squad", "reviewer", "admin", "viewer")
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

CONTRACT = {
    ("new", "assigned"): {"duty", "admin"},
    ("assigned", "verifying"): {"squad", "admin"},
    ("verifying", "unfounded"): {"squad", "admin"},
    ("verifying", "confirmed"): {"squad", "admin"},
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
    with pytest.raises(MoveRefused, match="it can become nothing"):
        check_move("confirmed", "new", "admin")
    with pytest.raises(RoleRefused, match="is for admin or squad, not 'duty'"):
        check_move("assigned", "verifying", "duty")


def test_every_move_stands_once() -> None:
    pairs = [(move.before, move.after) for move in MOVES]
    assert len(pairs) == len(set(pairs))
