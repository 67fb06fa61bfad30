"""Frame sizes: the short side comes from the resolution's name, the long side from the ratio.

480p at 1:1 is 480x480 and 720p at 16:9 is 1280x720 (provider-apis.md, 2.2); the rest follows from them.
"""

from __future__ import annotations

SHORT_SIDE = {"480p": 480, "720p": 720, "1080p": 1080}
# A picture far longer than wide would otherwise ask for a frame no encoder takes.
LONGEST_RATIO = 4.0


def ratio_of(text: str) -> float:
    """`16:9` as a number, width over height."""
    width, _, height = text.partition(":")
    return int(width) / int(height)


def frame_size(resolution: str, ratio: float) -> tuple[int, int]:
    """Width and height in pixels, both even, as H.264 with half-size colour planes needs."""
    short = SHORT_SIDE[resolution]
    stretch = min(max(ratio, 1 / ratio), LONGEST_RATIO)
    long = 2 * round(short * stretch / 2)
    return (long, short) if ratio >= 1 else (short, long)


def fitted_size(width: int, height: int) -> tuple[str, tuple[int, int]]:
    """Resolution and frame size of what is made from a video of this size: its own, at most 720p."""
    short = min(width, height)
    if short > SHORT_SIDE["720p"]:
        return "720p", frame_size("720p", width / height)
    even = (max(2, width - width % 2), max(2, height - height % 2))
    return "480p" if short <= SHORT_SIDE["480p"] else "720p", even
