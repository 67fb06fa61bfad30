"""What the caller of a run may choose, and what follows from it: manifests, limits and settings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

from pipeline.again import NO_ENDS, UNKNOWN, Ends
from pipeline.config import Settings, resolve
from pipeline.deadline import GRACE_S, check_deadline
from pipeline.errors import UsageError
from pipeline.manifest.shapes import Limits
from pipeline.model import REHEARSALS
from pipeline.opening import check_manifest
from pipeline.plan import Checked
from pipeline.selection import ALL, Selection
from pipeline.several import chosen_manifests
from pipeline.simulated import simulated


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a caller may choose. None: environment, then manifest, then the provider's default decide."""

    output: Path = Path("output")
    provider: str | None = None
    base_url: str | None = None
    max_in_flight: int | None = None
    downloads: int | None = None
    selection: Selection = ALL
    retry: Ends = NO_ENDS  # jobs whose newest take ended so are made anew
    resubmit_unknown: bool = False  # send once more what may be paid for and running
    collect: bool = False  # send nothing, bring home what is in flight
    budget_ticks: int | None = None  # the most that this run's own submits may settle and reserve
    canary: int | None = None  # so many go first, and the others only once all of them are done
    reuse: bool = False  # take over clips that other batches below `output` have already
    deadline: str | None = None  # `3h30m`, or the next `06:30`: nothing is sent that may come later
    grace_s: float = GRACE_S  # what was sent is collected for so long after it
    remake: bool = False  # many finished jobs may be made anew, because they ask for something else
    if_running: Literal["fail", "wait", "skip"] = "fail"
    allow_insecure: bool = False
    allow_private_hosts: bool = False  # take clips from this machine and its network, whatever the gateway
    date: date | None = None  # of a batch per night; None: today
    media_checks: bool = True  # look at clips beyond being whole, and keep a picture of each
    rehearse: str | Path | None = None  # by a scenario's name or file: at the simulator, in a folder apart
    signals: bool = False  # drain on SIGINT and SIGTERM; main thread only
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)  # holds keys

    def __post_init__(self) -> None:
        if self.rehearse is not None and self.base_url is not None:
            raise UsageError("a rehearsal has a gateway of its own: leave out --base-url")
        if self.deadline is not None:
            check_deadline(self.deadline)
        if self.reuse and self.collect:
            raise UsageError("--collect makes nothing new: leave out --reuse")

    @property
    def batches(self) -> Path:
        """Where the batch folder lies."""
        return self.output if self.rehearse is None else self.output / REHEARSALS

    @property
    def again(self) -> Ends:
        """What is made anew, by the state of the newest take."""
        return self.retry | UNKNOWN if self.resubmit_unknown else self.retry


def checked_manifests(named: Sequence[Path], options: RunOptions, day: date) -> list[Checked]:
    """All manifests without a fault, and options that fit them."""
    check = partial(check_manifest, provider=options.provider, env=options.env, day=day)
    all_checked = chosen_manifests(named, options.selection, check, dated=options.date is not None)
    gateways = {checked.provider.name for checked in all_checked if checked.provider.name != "sim"}
    if options.base_url is not None and len(gateways) > 1:  # it would be told the keys of all of them
        raise UsageError(
            f"--base-url is the address of one gateway, and these manifests ask {len(gateways)}"
            f" ({', '.join(sorted(gateways))}): set the variables of each instead, or run them apart"
        )
    return all_checked


def limits_of(checked: Checked, options: RunOptions) -> Limits:
    """What flags and manifest name."""
    limits = checked.head.limits
    return replace(
        limits,
        max_in_flight=options.max_in_flight or limits.max_in_flight,
        downloads=options.downloads or limits.downloads,
        run_budget_ticks=options.budget_ticks,
    )


def settings_of(
    checked: Checked, limits: Limits, options: RunOptions, folder: Path
) -> AbstractContextManager[Settings]:
    """The run's settings, and while they are open, a gateway where the run brings its own."""
    provider = checked.provider
    if provider.name == "sim" or options.rehearse is not None:
        return simulated(provider, limits, folder, options.rehearse)
    return nullcontext(
        resolve(
            provider.name,
            provider.capabilities,
            limits,
            options.env,
            base_url=options.base_url,
            allow_insecure=options.allow_insecure,
            allow_private_hosts=options.allow_private_hosts,
        )
    )
