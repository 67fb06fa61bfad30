"""What an order is, and the ways in which one is refused; a dialect words the refusal in its own form."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.sim.pictures import Picture


class BadOrderError(Exception):
    """A submission that the gateway refuses; `param` names the field, as in the error body."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param


class MalformedOrderError(BadOrderError):
    """A body that has not the form of an order: not JSON, or a field of a wrong type or missing."""


class UnknownModelError(BadOrderError):
    """A model that the gateway does not have."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture that came with an order: sent inside it, or an address elsewhere, which is never fetched."""

    picture: Picture | None = None
    url: str = ""

    @property
    def mark(self) -> str:
        """What tells it from other pictures."""
        return self.picture.digest if self.picture else self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One submission, checked. For an edit or extension size and length follow the source: `sources`."""

    operation: str  # generate | edit | extend
    model: str
    prompt: str
    duration_s: float  # of the output
    resolution: str
    width: int
    height: int
    ticks: int
    picture: Picture | None = None  # what the clip shows
    picture_url: str = ""
    source_url: str = ""
    source_digest: str = ""  # of a source video that was sent inside the submission
    added_s: float = 0  # what an extension adds to its source
    details: tuple[str, ...] = ()  # whatever else tells this order from others
    client_user: str = ""
