"""Real bytes with something wrong in them, for hypothesis."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st


def changed(originals: Sequence[bytes], words: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of `originals`, overwritten and with words put in at up to four places; perhaps cut short."""
    place, removed = st.floats(0, 1), st.integers(0, 3)
    change = st.tuples(place, removed, st.binary(max_size=4) | st.sampled_from(words))
    changes = st.lists(change, min_size=1, max_size=4)
    return st.builds(_applied, st.sampled_from(originals), changes, st.floats(0, 1.2))


def _applied(original: bytes, changes: Sequence[tuple[float, int, bytes]], length: float) -> bytes:
    content = bytearray(original)
    for place, removed, added in changes:
        at = int(place * len(content))
        content[at : at + removed] = added
    return bytes(content[: int(length * len(content))])
