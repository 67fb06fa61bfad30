"""A progress that tells is believed, one that lies is not, and not for long where it begins to."""

from __future__ import annotations

from pipeline.polling.progress import Progress, predicted


def told(progress: Progress, takes: int, predicted_s: float, ready_s: float) -> None:
    for _ in range(takes):
        progress.learn(predicted_s, ready_s - 2.0, ready_s)


def test_a_share_of_the_age_tells_the_whole() -> None:
    """Not before a fifth, where whole percents are coarse, and never at an end."""
    assert predicted(30.0, 50) == 60.0
    assert predicted(30.0, 19) is None
    assert predicted(30.0, 100) is None
    assert predicted(30.0, None) is None


def test_it_is_believed_once_ten_takes_bore_it_out() -> None:
    """And then a poll comes shortly before the time told, and others close around it."""
    progress = Progress()
    told(progress, 9, 60.0, 61.0)
    early = progress.next_age(30.0, 50, 1.0, 1000.0)
    told(progress, 1, 60.0, 61.0)

    assert early is None
    assert progress.next_age(30.0, 50, 1.0, 1000.0) == 0.94 * 60.0
    assert progress.next_age(58.0, 97, 1.0, 1000.0) == 58.0 + 0.03 * 58.0 * 100 / 97
    assert progress.next_age(58.0, 97, 5.0, 1000.0) == 63.0  # the floor holds


def test_it_has_no_say_where_it_tells_nothing() -> None:
    """No progress, or a time that no clip of the kind ever took."""
    progress = Progress()
    told(progress, 20, 60.0, 61.0)

    assert progress.next_age(30.0, None, 1.0, 1000.0) is None
    assert progress.next_age(30.0, 5, 1.0, 1000.0) is None
    assert progress.next_age(300.0, 20, 1.0, 1000.0) is None


def test_a_lie_is_found_out_after_three_takes() -> None:
    """Wrong three times of twenty, whichever way."""
    progress = Progress()
    told(progress, 20, 60.0, 61.0)
    told(progress, 2, 60.0, 90.0)
    still = progress.trusted
    told(progress, 1, 60.0, 30.0)

    assert still
    assert not progress.trusted
