"""The nouns of the pipeline: job, take, handle, and the one table of legal moves between states.

A *job* is one clip the manifest asks for. A *take* is one paid lineage of a job; it has a state.
Nothing here does I/O or knows a gateway. Words: docs/design.md, "Words".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

TICKS_PER_USD = 10_000_000_000  # xAI's unit for `usage.cost_in_usd_ticks`
REHEARSALS = "_rehearsal"  # the folder beside those of batches in which rehearsals lie
SIM_ORIGIN = "sim"  # instead of an address: the embedded simulator has another port each time


class Operation(StrEnum):
    """What a gateway is asked to do."""

    GENERATE = "generate"
    EDIT = "edit"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture to start from: exactly one of a file on disk, an https URL or a data URI.

    `sha256` (hex) and `size_bytes` describe the bytes behind a path or data URI; a URL has neither. `id`
    stands for the content of a URL that is another one every night.
    """

    path: str | None = None
    url: str | None = None
    id: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    media_type: str | None = None

    @property
    def is_link(self) -> bool:
        """Whether the gateway fetches it itself, so that nothing of it is sent."""
        return self.url is not None and self.url[:5].lower() != "data:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyframe:
    """A picture that the clip passes through, and when."""

    image: Image
    timestamp_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One clip to make, as the manifest asked for it. What the user left out is None.

    `edit` and `extend`, at most one of them, are the key of another job or an https URL. `duration_s` of an
    extension is the length of what is added. `resize`: longest side in pixels that pictures are sent with.
    `priority`: those with a higher one are sent first.
    """

    key: str
    prompt: str
    model: str | None = None
    duration_s: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    generate_audio: bool | None = None
    image: Image | None = None
    reference_images: tuple[Image, ...] = ()
    last_frame: Image | None = None
    keyframes: tuple[Keyframe, ...] = ()
    resize: int | None = None
    edit: str | None = None
    extend: str | None = None
    revision: str | None = None
    allow: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    user: str | None = None
    priority: int | None = None

    @property
    def operation(self) -> Operation:
        if self.edit is not None:
            return Operation.EDIT
        return Operation.GENERATE if self.extend is None else Operation.EXTEND

    @property
    def source(self) -> str | None:
        """The video that it starts from: a job key or a URL."""
        return self.edit if self.extend is None else self.extend

    @property
    def parent_key(self) -> str | None:
        """The key of the job whose clip this one starts from, if it is a job. A key never holds a colon."""
        return None if self.source is None or ":" in self.source else self.source

    @property
    def pictures(self) -> tuple[tuple[str, Image], ...]:
        """Every picture with the name of its field."""
        if self.image is None and self.last_frame is None and not (self.reference_images or self.keyframes):
            return ()
        single = [("image", self.image), ("last_frame", self.last_frame)]
        return (
            *((name, image) for name, image in single if image is not None),
            *(("reference_images", image) for image in self.reference_images),
            *(("keyframes", frame.image) for frame in self.keyframes),
        )

    def with_pictures(self, change: Callable[[Image], Image]) -> Job:
        """The job with every picture changed."""
        if not self.pictures:
            return self
        return replace(
            self,
            image=None if self.image is None else change(self.image),
            reference_images=tuple(change(image) for image in self.reference_images),
            last_frame=None if self.last_frame is None else change(self.last_frame),
            keyframes=tuple(replace(frame, image=change(frame.image)) for frame in self.keyframes),
        )


class TakeState(StrEnum):
    """Where a take stands. Meanings: docs/design.md, "States of a take"."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    READY = "ready"
    DONE = "done"
    MISSING = "missing"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    MODERATED = "moderated"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    HELD = "held"
    BLOCKED = "blocked"


_S = TakeState
_NO_MOVE: frozenset[TakeState] = frozenset()

# What `Ledger.move` refuses anything else than. One more is apart, because it needs another batch and no
# stage can make it: planned to ready, where `run --reuse` takes a clip over (`Ledger.take_over`).
LEGAL_MOVES: Mapping[TakeState, frozenset[TakeState]] = MappingProxyType(
    {
        _S.PLANNED: frozenset({_S.SUBMITTING, _S.HELD, _S.BLOCKED}),
        _S.SUBMITTING: frozenset({_S.ACCEPTED, _S.PLANNED, _S.REJECTED, _S.MODERATED, _S.UNKNOWN}),
        _S.ACCEPTED: frozenset({_S.READY, _S.MODERATED, _S.FAILED, _S.EXPIRED, _S.UNDELIVERED}),
        _S.READY: frozenset({_S.DONE, _S.UNDELIVERED, _S.ACCEPTED, _S.MODERATED, _S.FAILED, _S.EXPIRED}),
        _S.DONE: frozenset({_S.MISSING}),
        _S.MISSING: frozenset({_S.READY}),
        _S.UNDELIVERED: frozenset({_S.READY}),
        _S.UNKNOWN: frozenset({_S.ACCEPTED, _S.PLANNED}),
        _S.HELD: frozenset({_S.PLANNED}),
        _S.BLOCKED: frozenset({_S.PLANNED}),
        _S.REJECTED: _NO_MOVE,
        _S.MODERATED: _NO_MOVE,
        _S.FAILED: _NO_MOVE,
        _S.EXPIRED: _NO_MOVE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """How to ask the gateway about a take: its id there, through which adapter, account and origin."""

    provider: str
    origin: str
    remote_id: str
    credential: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a clip is made of. `duration_s` and `fps` are None where the file does not say.

    Of a few frames spread over the clip, each as 576 grey cells: `brightness`, the mean of the brightest one,
    and `change`, the most that any cell differs between two of them in a row. Both from 0 to 1; None: not
    looked at.
    """

    width: int
    height: int
    duration_s: float | None
    codec: str
    fps: float | None
    brightness: float | None = None
    change: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One paid lineage of a job. Times are UTC seconds since the epoch; costs are ticks."""

    id: int
    job: Job
    fingerprint: str
    number: int
    state: TakeState
    wanted: bool = True  # the present manifest asks for this very take
    selected: bool = True  # and the present run may send it
    replaced: bool = False  # unknown, and sent again on a person's word
    reused_from: str | None = None  # batch and label of the clip that it took over: it was not sent
    provider: str
    origin: str | None = None  # set with the intent: where it was sent
    credential: str = "default"
    remote_id: str | None = None
    intent_at: float | None = None
    accepted_at: float | None = None
    ready_at: float | None = None
    ended_at: float | None = None
    url: str | None = None
    url_at: float | None = None
    validator: str | None = None  # ETag or date of a half-loaded file, for If-Range
    estimate_ticks: int | None = None  # its price before it is sent
    own_price: bool = False  # the estimate is the user's, not a vendor's list
    reserved_ticks: int | None = None  # set with the intent: the estimate, or more where figures were higher
    cost_ticks: int | None = None  # the gateway's own figure
    reported_s: float | None = None  # how long the clip is, in the gateway's words
    reason: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    loading_at: float | None = None  # when the first byte of its clip was asked for
    probe: Probe | None = None  # what a look at its clip found

    @property
    def handle(self) -> Handle | None:
        """How to ask about this take; None before a gateway accepted it."""
        if self.remote_id is None or self.origin is None:
            return None
        return Handle(
            provider=self.provider,
            origin=self.origin,
            remote_id=self.remote_id,
            credential=self.credential,
        )

    @property
    def simulated(self) -> bool:
        """Whether it was sent to the embedded simulator, where nothing is bought."""
        return self.origin == SIM_ORIGIN

    @property
    def label(self) -> str:
        """Names one take in file names: key, eight digits of the fingerprint, take number."""
        return f"{self.job.key}.{self.version}"

    @property
    def version(self) -> str:
        """What tells a take from others of its job: eight digits of the fingerprint, take number."""
        return f"{self.fingerprint[:8]}.{self.number}"

    @property
    def changed_at(self) -> float | None:
        """When it changed last, as far as the times on record tell; None for one that was never sent."""
        times = (self.intent_at, self.accepted_at, self.ready_at, self.ended_at)
        return max((time for time in times if time is not None), default=None)
