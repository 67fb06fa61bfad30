"""What a provider is: a wire format without I/O. It builds calls and reads answers; the engine does the rest.

No clock, no socket, no retry here. A provider is tested with recorded bodies alone; a new one is one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pipeline.model import Handle, Job, Operation


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
    """A submit answer, read. `reason` is the gateway's own text where it gave one."""

    verdict: SubmitVerdict
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
    """A poll answer, read. `status` is the gateway's own word; `cost_ticks` its own figure."""

    verdict: PollVerdict
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
class ModelRules:
    """What one model takes. Sources and dates stand beside the tables, in the provider's file."""

    operations: frozenset[Operation]
    durations_s: range
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    image: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """A provider's facts as data."""

    key_env: str
    base_url_env: str
    base_url: str
    default_model: str
    default_duration_s: int
    models: Mapping[str, ModelRules]
    submit_per_s: float
    poll_per_s: float
    max_in_flight: int
    poll: PollAdvice
    url_life_s: float  # the shortest life of a result link that anyone has stated


class Provider(Protocol):
    """One gateway's wire format."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...

    def validate(self, job: Job) -> tuple[FieldProblem, ...]:
        """Everything about `job` that this gateway would refuse or silently ignore. Empty: it may be sent."""

    def ignored_defaults(self, job: Job) -> frozenset[str]:
        """Fields of `job` that count only where the job sets them itself: a default for them is dropped."""

    def build_submit(self, job: Job, *, video_url: str | None = None) -> Call:
        """The paid POST for a valid job. `video_url`: the clip that an edit starts from."""

    def parse_submit(self, answer: Answer) -> Submitted: ...

    def build_poll(self, handle: Handle) -> Call: ...

    def parse_poll(self, answer: Answer) -> Polled:
        """Read one poll answer. An unknown status word counts as running; the job's deadline bounds it."""

    def download_headers(self, url: str) -> Mapping[str, str]:
        """Extra headers for fetching a result. Never the key."""
