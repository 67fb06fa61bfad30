"""Every take that has no clip says what a person can do about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders_core import a_take

from pipeline.advice import advice
from pipeline.model import TakeState


@pytest.mark.parametrize("state", TakeState)
def test_every_state_but_done_has_a_next_step(state: TakeState) -> None:
    """Explained: no state leaves a person alone."""
    text = advice(a_take(state=state), Path("teasers"))

    assert (text is None) == (state is TakeState.DONE)


@pytest.mark.parametrize("state", TakeState)
def test_what_is_said_of_a_rehearsal_buys_nothing(state: TakeState) -> None:
    """Whoever copies it stays in the rehearsal."""
    text = advice(a_take(state=state), Path("output/_rehearsal/teasers")) or ""

    assert "the next run" not in text
    assert text.count("`run --") == text.count("`run --rehearse --")


def test_an_unknown_take_names_both_ways_out() -> None:
    """The commands can be copied: batch and job stand in them."""
    text = advice(a_take("hero/fox", state=TakeState.UNKNOWN), Path("teasers")) or ""

    assert "`nightreel resolve teasers hero/fox --remote-id ID`" in text
    assert "`nightreel resolve teasers hero/fox --not-charged`" in text
