"""A runner from its parts: which part is told of which. Opens nothing.

Whatever has to do with the outside world is handed in, and can be replaced by a test.
"""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial
from pathlib import Path

from pipeline import media
from pipeline.again import NO_ENDS, Ends
from pipeline.clock import Clock
from pipeline.config import Settings
from pipeline.deadline import Deadline
from pipeline.events import Event, Listener
from pipeline.ledger.base import Account, Ledger
from pipeline.ledger.others import kept_clips, other_render_times
from pipeline.model import Probe, Take
from pipeline.offload import Offload
from pipeline.plan import Checked
from pipeline.polling.render_times import kind_of
from pipeline.reuse import Kept
from pipeline.runner import Runner
from pipeline.selection import ALL, Selection
from pipeline.sources.material import LocalMaterial
from pipeline.stages.access import Access
from pipeline.stages.base import Record, Switches
from pipeline.stages.brake import DEFAULT_SHARE, Brake
from pipeline.stages.budget import Budget, RunBudget
from pipeline.stages.deadline import Curfew
from pipeline.stages.download import DownloadStage
from pipeline.stages.finish import FinishStage
from pipeline.stages.gateway import Gateway, Hearing
from pipeline.stages.poll import PollStage
from pipeline.stages.slots import Slots
from pipeline.stages.submit import SubmitStage
from pipeline.storage.local import LocalStorage

NEARLY_ALL = 0.95  # of the clips of a kind come home within what is left for one before a deadline


def assemble(
    *,
    checked: Checked,
    manifest: str,
    selection: Selection = ALL,
    again: Ends = NO_ENDS,
    collect: bool = False,
    earlier: bool = False,
    canary: int | None = None,
    remake: bool = False,
    deadline: Deadline | None = None,
    account: Account | None = None,
    others: Path | None = None,
    neighbours: Path | None = None,
    run_budget: RunBudget | None = None,
    media_checks: bool = True,
    settings: Settings,
    folder: Path,
    ledger: Ledger,
    access: Access,
    disk: Offload,
    media_threads: Offload,
    clock: Clock,
    tell: Listener,
) -> Runner:
    """`manifest`: as the ledger remembers it; `access`: of all batches on this account.

    `run_budget`: of all batches of this run, where there are several. `others`: where batches lie whose
    clips may be taken over; `neighbours`: that may tell how long clips take.
    `media_checks`: whether clips are looked at beyond being whole, for a poster.
    """
    rng = random.Random()  # noqa: S311 - jitter, no secrets
    storage = LocalStorage(folder)
    watchers: list[Listener] = [tell]

    def tell_all(event: Event) -> None:
        for watcher in watchers:
            watcher(event)

    # What another day's takes hear, perhaps as the gateway has forgotten them, is no news for tonight's.
    switches = Switches(tell_all, None if earlier else access.switches)
    record = Record(ledger, clock, tell_all)
    budget = Budget(settings.caps, account, record, switches, run_budget)
    share = checked.head.brake_share
    watchers += [budget.hear, Brake(switches, DEFAULT_SHARE if share is None else share).hear]

    def tell_behind(count: int) -> None:
        why = f"{count} clips wait to be downloaded: nothing new is sent until there are fewer"
        record.trouble("run.downloads_behind", why)

    slots = Slots(access.slots, switches.submits_off, tell_behind=tell_behind)
    gateway = Gateway(
        provider=checked.provider,
        transport=access.transport,
        settings=settings,
        turns=access.turns,
        switches=switches,
        record=record,
        clock=clock,
        rng=rng,
        hearing=Hearing() if earlier else access.hearing,
    )

    poll = PollStage(gateway, slots, record, switches)

    def longest_s(take: Take) -> float:
        return poll.times.quantile(kind_of(take), NEARLY_ALL) or settings.longest_s

    curfew = Curfew(deadline, record, switches, clock, longest_s, settings.longest_s)

    def kept() -> Kept:
        assert others is not None, "nothing is taken over"
        note = partial(record.trouble, "batch.left_out")
        return kept_clips(others, folder, settings.origin, disk, note)

    async def probe(take: Take) -> Probe:
        look = partial(media.look, samples=media_checks)
        found = await media_threads(look, storage.part_path(take))
        if found.poster is not None:
            with suppress(OSError):  # a clip needs none
                await disk(storage.keep_poster, take, found.poster)
        return found.probe

    material = LocalMaterial(folder, storage.where, media_threads)
    runner = Runner(
        checked=checked,
        manifest=manifest,
        selection=selection,
        again=again,
        collect=collect or earlier,
        earlier=earlier,
        canary=canary,
        kept=None if others is None else kept,
        past=None if neighbours is None else partial(other_render_times, neighbours, folder, settings.origin),
        remake=remake,
        settings=settings,
        folder=folder,
        ledger=ledger,
        storage=storage,
        gateway=gateway,
        record=record,
        switches=switches,
        slots=slots,
        budget=budget,
        curfew=curfew,
        submit=SubmitStage(gateway, slots, record, switches, material, budget, curfew),
        poll=poll,
        download=DownloadStage(gateway, slots, access, storage, record, switches, disk),
        finish=FinishStage(storage, probe, record, switches, disk),
        disk=disk,
        clock=clock,
        tell=tell_all,
    )
    watchers.append(runner.hear)
    return runner
