"""What a run keeps and says of a clip beyond its being whole."""

from __future__ import annotations

import json
from pathlib import Path

from support.night import Night

from pipeline.model import TakeState


def test_what_was_noticed_is_told_and_kept(tmp_path: Path) -> None:
    """A clip that is not as asked for is done, with a warning, a poster, and findings in its side file."""
    night = Night(tmp_path, [{"id": "candle", "duration": 6, "resolution": "480p"}], media_checks=True)

    assert night.run().exit_code == 0

    (take,) = night.takes("candle")
    side = json.loads(night.clip().with_suffix(".json").read_text("utf-8"))
    assert take.state is TakeState.DONE
    assert take.probe is not None
    assert take.probe.brightness is not None
    assert take.loading_at is not None
    assert take.ready_at is not None
    assert take.ended_at is not None
    assert take.ready_at <= take.loading_at <= take.ended_at
    assert side["probe"]["width"] == take.probe.width
    assert len(side["findings"]) == night.troubles().count("clip.noticed") > 0
    assert (night.batch / "posters" / f"{take.label}.webp").is_file()


def test_a_poster_that_cannot_be_kept_fails_no_clip(tmp_path: Path) -> None:
    """A file in the place of the folder: the clip is done all the same."""
    night = Night(tmp_path, ["candle"], media_checks=True)
    night.batch.mkdir(parents=True)
    (night.batch / "posters").write_text("in the way")

    assert night.run().exit_code == 0

    assert night.finished()


def test_without_checks_a_clip_is_only_whole(tmp_path: Path) -> None:
    """Its measures are kept, and nothing else was looked at."""
    night = Night(tmp_path, ["candle"], media_checks=False)

    night.run()

    (take,) = night.takes("candle")
    assert take.probe is not None
    assert take.probe.brightness is None
    assert not (night.batch / "posters").exists()
