"""What a provider is: a wire format without I/O. It builds calls and reads answers; the engine does the rest.

No clock, no socket, no retry here. A provider is tested with recorded bodies alone; a new one is one file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pipeline.model import Handle, Job, Operation
from pipeline.money import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A stretch of a body that is a file on disk, sent as base64 piece by piece."""

    path: str
    size_bytes: int
    sha256: str

    @property
    def length(self) -> int:
        """Bytes on the wire: base64 turns each started group of 3 into 4."""
        return (self.size_bytes + 2) // 3 * 4


Video = str | FilePart
"""A clip to start from: a link, or the file itself, sent as a data URI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP call to the gateway. `path` is joined behind the base URL; the engine adds the credential."""

    method: str
    path: str
    body: tuple[bytes | FilePart, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_length(self) -> int:
        return sum(len(part) if isinstance(part, bytes) else part.length for part in self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, whole. Header names are lower case; a body over the engine's cap is cut there."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class SubmitVerdict(StrEnum):
    """What an answer to a paid POST means. Rules: docs/design.md, "Submitting"."""

    ACCEPTED = "accepted"
    BUSY = "busy"  # well-formed 429 or 503: refused for now, nothing was accepted
    REJECTED = "rejected"  # this input is refused, and would be again
    MODERATED = "moderated"
    ACCOUNT = "account"  # key, credentials or credits: no submit can succeed now
    ADDRESS = "address"  # redirect, HTML, or a path the gateway does not know: wrong base URL
    UNKNOWN = "unknown"  # perhaps accepted, perhaps billed


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A submit answer, read. `reason` is the gateway's own text where it gave one.

    `about_source`: refused because the video to start from could not be fetched.
    """

    verdict: SubmitVerdict
    about_source: bool = False
    remote_id: str | None = None
    reason: str | None = None
    cost_ticks: int | None = None


class PollVerdict(StrEnum):
    """What an answer to a poll means. Only the four ends are final."""

    RUNNING = "running"
    READY = "ready"
    NO_URL = "no_url"  # done on the wire, but no link to a file
    FAILED = "failed"
    MODERATED = "moderated"
    EXPIRED = "expired"
    TRY_AGAIN = "try_again"  # 408, 425, 429, 5xx, or a body that says nothing
    REFUSED = "refused"  # another 4xx: early, lost at the gateway, or a wrong address
    ACCOUNT = "account"  # 401, 403, or a body that names the key
    CREDITS = "credits"  # 402, or 400, 403, 429 that says so


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """A poll answer, read. `status` is the gateway's own word; `cost_ticks` its own figure.

    `proper`: not a refusal, or one in the gateway's own form; a web page in between proves nothing.
    """

    verdict: PollVerdict
    proper: bool = True
    url: str | None = None
    status: str | None = None
    progress: int | None = None
    cost_ticks: int | None = None
    duration_s: float | None = None
    reason: str | None = None
    warning: str | None = None  # for example a status word nobody has documented


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """Why a job cannot go to this provider: the manifest's field at fault, and what was expected."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollAdvice:
    """When to ask about a take: first after `first_s`, then every `growth` × its age, within the two bounds.

    `min_s` is a floor the user may change (`limits.poll_min_s`).
    """

    first_s: float
    min_s: float
    max_s: float
    growth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A rule of a table that `allow: [name]` widens, because the vendor's pages contradict each other.

    `changes`: fields of ModelRules and their wider values.
    """

    says: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRules:
    """What one model takes, by the reading of the vendor's pages that satisfies every version of them.

    `durations_s` and `resolutions` that are empty are fixed by the model: they are not sent, and the default
    is what the clip then has, if that is known. Sources are pages with the day they were read.
    """

    operations: frozenset[Operation]
    durations_s: Sequence[int]
    default_duration_s: int
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    default_resolution: str
    sources: tuple[str, ...]
    alias_of: str | None = None
    image: bool = True
    inline_images: bool = True  # pictures inside the body, so that files on this disk can be sent
    references: int = 0  # at most so many `reference_images`
    image_is_reference: bool = False  # `image` is one of them on the wire
    references_beside_image: bool = True
    references_max_s: int | None = None  # the longest clip with references
    references_resolutions: tuple[str, ...] | None = None  # None: all of the model's
    last_frame: bool = False
    keyframes: int = 0
    generate_audio: bool = False
    edit_source_max_s: float = 0.0
    added_s: Sequence[int] = ()  # how much an extension may add
    default_added_s: int = 0
    extend_source_s: tuple[float, float] = (0.0, 0.0)
    price: Price | None = None
    allowances: Mapping[str, Allowance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """A provider's facts as data."""

    title: str
    key_env: str
    base_url_env: str
    prices_env: str
    base_url: str
    default_model: str
    models: Mapping[str, ModelRules]
    max_prompt_chars: int | None
    picture_sets_ratio: bool  # a clip that starts from a picture has its ratio
    takes_user: bool
    inline_video_bytes: int  # the largest video that may stand inside the body; 0: none
    submit_per_s: float
    submit_known: bool = False  # the vendor states it: a limit. Else only where to start
    poll_per_s: float  # no vendor states it: what is polite
    max_in_flight: int
    poll: PollAdvice
    longest_s: float  # the longest that a clip usually takes, by the vendor or by what was seen
    url_life_s: float  # the shortest life of a result link that anyone has stated
    sources: tuple[str, ...]


class Provider(Protocol):
    """One gateway's wire format."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...

    def validate(self, job: Job) -> tuple[FieldProblem, ...]:
        """Everything about `job` that this gateway would refuse or silently ignore. Empty: it may be sent."""

    def probe(self) -> Call:
        """A question that costs nothing and shows whether address and key are right: about an unknown id."""

    def build_submit(self, job: Job, *, video: Video | None = None) -> Call:
        """The paid POST for a valid job. `video`: the clip that an edit or extension starts from."""

    def parse_submit(self, answer: Answer) -> Submitted: ...

    def build_poll(self, handle: Handle) -> Call: ...

    def parse_poll(self, answer: Answer) -> Polled:
        """Read one poll answer. An unknown status word counts as running; the job's deadline bounds it."""
