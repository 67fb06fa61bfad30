"""`run --retry`: what ended is made anew when a person says so, once for each time it ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders_engine import FakeGateway, Script, always, in_turn, only, refused, says, status_word
from support.night import Night

from pipeline.again import ALL_ENDS, ends_named
from pipeline.errors import UsageError
from pipeline.model import TakeState

FAILED, REJECTED = frozenset({TakeState.FAILED}), frozenset({TakeState.REJECTED})


def numbers(night: Night, key: str = "candle") -> list[tuple[int, str]]:
    return [(take.number, take.state.value) for take in night.takes(key)]


def test_only_what_ended_so_is_made_anew_and_only_when_asked(tmp_path: Path) -> None:
    """A new take under the same fingerprint; the others, and a rerun without --retry, send nothing."""
    gateway = FakeGateway(
        submit=only("desk", in_turn(refused(400, "no such ratio"))),
        poll=only("candle", in_turn(status_word("failed"))),
    )
    night = Night(tmp_path, ["candle", "desk", "fox"], gateway)
    first = night.run().exit_code
    plain = night.run()
    night.again = FAILED
    again = night.run()

    assert (first, plain.exit_code, plain.requests, again.exit_code) == (1, 1, 0, 1)
    assert numbers(night) == [(1, "failed"), (2, "done")]
    assert numbers(night, "desk") == [(1, "rejected")]
    assert numbers(night, "fox") == [(1, "done")]
    assert len({take.fingerprint for take in night.takes("candle")}) == 1
    assert [ask.key for ask in night.submits].count("candle") == 2
    assert night.clip().read_bytes() == night.gateway.content(night.take().remote_id or "")


def test_the_same_word_again_retries_only_what_ended_so_again(tmp_path: Path) -> None:
    """It is safe in a script: what has its clip by then is left alone."""
    poll: Script = only("candle", in_turn(status_word("failed"), status_word("failed")))
    night = Night(tmp_path, ["candle", "desk"], FakeGateway(poll=poll))
    night.run()
    night.again = FAILED

    codes = [night.run().exit_code for _ in range(3)]

    assert codes == [1, 0, 0]
    assert numbers(night) == [(1, "failed"), (2, "failed"), (3, "done")]
    assert numbers(night, "desk") == [(1, "done")]
    assert len(night.submits) == 4


def test_a_run_that_is_cut_off_before_it_sends_pays_once(tmp_path: Path) -> None:
    """The new take is on record as planned; asking again does not make a third."""
    night = Night(tmp_path, gateway=FakeGateway(poll=in_turn(status_word("failed"))))
    night.run()
    night.again = FAILED
    night.gateway.submit = always(refused(503, "busy"))
    night.run(signal_at=2.0)
    night.gateway.heal()
    tries = len(night.submits)

    assert night.run().exit_code == 0
    assert numbers(night) == [(1, "failed"), (2, "done")]
    assert len(night.submits) == tries + 1


def test_an_older_prompt_that_failed_is_not_tried_again(tmp_path: Path) -> None:
    """Only what the manifest asks for now counts."""
    night = Night(tmp_path, gateway=FakeGateway(poll=in_turn(status_word("failed"))))
    night.run()
    night.edit([{"id": "candle", "prompt": "A blue candle."}])
    night.again = FAILED

    assert night.run().exit_code == 0
    assert numbers(night) == [(1, "failed"), (1, "done")]


def test_a_child_follows_a_parent_that_is_made_anew(tmp_path: Path) -> None:
    """It was blocked; once the parent has its clip it is sent in the same run."""
    poll: Script = only("candle", in_turn(status_word("failed")))
    night = Night(tmp_path, ["candle", {"id": "snow", "edit": "candle"}], FakeGateway(poll=poll))
    night.run()
    night.again = FAILED

    assert night.run().exit_code == 0
    assert night.states() == {"candle": "done", "snow": "done"}


def test_moderated_is_not_in_all(tmp_path: Path) -> None:
    """The same input would be refused again, perhaps at a price: it must be named."""
    moderated = says({"error": {"message": "blocked by content moderation", "code": "content_policy"}}, 400)
    night = Night(tmp_path, gateway=FakeGateway(submit=in_turn(moderated)))
    night.run()
    night.again = ALL_ENDS
    asked = len(night.submits)
    night.run()

    assert numbers(night) == [(1, "moderated")]
    assert len(night.submits) == asked

    night.again = ends_named("moderated")
    assert night.run().exit_code == 0
    assert numbers(night) == [(1, "moderated"), (2, "done")]


@pytest.mark.parametrize("text", ["unknown", "done", "failed,nonsense", "", ",", "FAILED"])
def test_a_wrong_word_is_refused_with_those_that_are_known(text: str) -> None:
    with pytest.raises(UsageError, match="rejected, failed, expired, moderated, all"):
        ends_named(text)


def test_words_may_be_joined() -> None:
    assert ends_named(" all, moderated ") == ALL_ENDS | {TakeState.MODERATED}
    assert ends_named("rejected") == REJECTED
