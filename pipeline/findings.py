"""What a look at a clip found that a person should see: not what was asked for, black, or frozen.

Pure. A finding ends nothing: the clip is whole, paid for and kept. The thresholds leave room for what
encoders do to a still picture, and for sizes that codecs round.
"""

from __future__ import annotations

import re

from pipeline.model import Job, Operation, Probe

BLACK = 0.02  # mean brightness of the brightest frame; a night with one lamp has several times this
STILL = 0.012  # three of 256 grey levels in the cell that changes most
_RESOLUTION = re.compile(r"(\d{3,4})p")
_RATIO = re.compile(r"(\d{1,3}):(\d{1,3})")


def findings(job: Job, probe: Probe) -> tuple[str, ...]:
    """One short sentence for each."""
    found = (_resolution(job, probe), _ratio(job, probe), _length(job, probe), _picture(probe))
    return tuple(finding for finding in found if finding is not None)


def _resolution(job: Job, probe: Probe) -> str | None:
    """By the shorter side, which names a resolution."""
    asked = _RESOLUTION.fullmatch(job.resolution or "")
    if asked is None or 0.95 <= min(probe.width, probe.height) / int(asked[1]) <= 1.5:
        return None
    return f"asked for {job.resolution}, is {probe.width}x{probe.height}"


def _ratio(job: Job, probe: Probe) -> str | None:
    asked = _RATIO.fullmatch(job.aspect_ratio or "")
    if asked is None or not int(asked[1]) * int(asked[2]) or not probe.height:
        return None
    off = probe.width / probe.height * int(asked[2]) / int(asked[1])
    return None if 0.95 <= off <= 1.05 else f"asked for {job.aspect_ratio}, is {probe.width}x{probe.height}"


def _length(job: Job, probe: Probe) -> str | None:
    """Of a clip from nothing or a picture: how long an edit or extension gets hangs on its source."""
    asked_s, is_s = job.duration_s, probe.duration_s
    if job.operation is not Operation.GENERATE or asked_s is None or is_s is None:
        return None
    if abs(is_s - asked_s) <= max(0.5, asked_s / 10):
        return None
    return f"asked for {asked_s:g} s, is {is_s:.1f} s"


def _picture(probe: Probe) -> str | None:
    if probe.brightness is not None and probe.brightness < BLACK:
        return "black from beginning to end"
    if probe.change is not None and probe.change < STILL:
        return "frozen: nothing moves in it"
    return None
