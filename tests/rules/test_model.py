"""The table of legal moves, and the few things a take knows about itself."""

from __future__ import annotations

import pytest
from support.builders_core import a_job, a_take

from pipeline.feeder import COLLECT_ORDER
from pipeline.model import LEGAL_MOVES, Handle, Operation, TakeState

# docs/design.md, section 4, "States of a take", column "Leaves to".
TABLE = {
    "planned": "submitting held blocked",
    "submitting": "accepted planned rejected moderated unknown",
    "accepted": "ready moderated failed expired undelivered",
    "ready": "done undelivered accepted moderated failed expired",
    "done": "missing",
    "missing": "ready",
    "undelivered": "ready",
    "rejected": "",
    "moderated": "",
    "failed": "",
    "expired": "",
    "unknown": "accepted planned",
    "held": "planned",
    "blocked": "planned",
}


def reachable(start: TakeState) -> set[TakeState]:
    seen: set[TakeState] = set()
    todo = [start]
    while todo:
        for state in LEGAL_MOVES[todo.pop()]:
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return seen


def test_the_legal_moves_are_those_of_the_design() -> None:
    """One table, the same in the contract and in the code."""
    written = {TakeState(state): frozenset(map(TakeState, to.split())) for state, to in TABLE.items()}

    assert dict(LEGAL_MOVES) == written


def test_every_state_has_a_row() -> None:
    """A state without a row would end a run with a KeyError."""
    assert set(LEGAL_MOVES) == set(TakeState)


def test_the_table_cannot_be_changed() -> None:
    """Nobody makes a move legal at run time."""
    with pytest.raises(TypeError):
        LEGAL_MOVES[TakeState.DONE] = frozenset()  # type: ignore[index]


def test_what_was_accepted_is_never_sent_again() -> None:
    """Paid once: no path leads from a handle back to a submit."""
    assert reachable(TakeState.ACCEPTED).isdisjoint({TakeState.PLANNED, TakeState.SUBMITTING})


def test_an_unknown_take_is_sent_again_by_a_person_alone() -> None:
    """The one way from a lost answer to a second submit is `resolve --not-charged`."""
    assert LEGAL_MOVES[TakeState.UNKNOWN] == {TakeState.ACCEPTED, TakeState.PLANNED}
    assert TakeState.UNKNOWN not in LEGAL_MOVES[TakeState.ACCEPTED] | LEGAL_MOVES[TakeState.PLANNED]


def test_what_can_be_collected_was_accepted_before() -> None:
    """A run asks again about exactly those takes that the gateway may still have a clip for."""
    accepted_once = reachable(TakeState.ACCEPTED) | {TakeState.ACCEPTED}

    assert accepted_once >= set(COLLECT_ORDER)
    assert all(TakeState.DONE in reachable(state) for state in COLLECT_ORDER)


@pytest.mark.parametrize(
    ("edit", "operation", "parent"),
    [
        (None, Operation.GENERATE, None),
        ("candle", Operation.EDIT, "candle"),
        ("a/b.c", Operation.EDIT, "a/b.c"),
        ("https://example.com/v.mp4", Operation.EDIT, None),
    ],
)
def test_a_job_knows_what_it_edits(edit: str | None, operation: Operation, parent: str | None) -> None:
    """Another job's key or a link; a key never holds a colon."""
    job = a_job(edit=edit)

    assert (job.operation, job.parent_key) == (operation, parent)


def test_a_take_has_a_handle_once_it_was_accepted() -> None:
    """Before that there is nothing to ask about."""
    assert a_take().handle is None
    assert a_take(origin="https://g:443").handle is None
    assert a_take(origin="https://g:443", remote_id="r1").handle == Handle(
        provider="cometapi", origin="https://g:443", remote_id="r1"
    )


def test_a_label_names_one_take() -> None:
    """Key, eight digits of the fingerprint, number: what superseded clips are called."""
    assert a_take("a/b.c", fingerprint="0123456789abcdef" * 4, number=3).label == "a/b.c.01234567.3"
