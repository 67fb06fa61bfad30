"""What a person can do about a take that is not done, or a chain that stops: one sentence each."""

from __future__ import annotations

from pathlib import Path

from pipeline.model import REHEARSALS, Job, Take, TakeState

_S = TakeState
_AGAIN = "the next run goes on with it"
ADVICE = {
    _S.PLANNED: "not sent yet; the next run sends it",
    _S.SUBMITTING: "being sent right now, or left so by a run that died; the next run settles it",
    _S.ACCEPTED: f"the gateway works on it; {_AGAIN}",
    _S.READY: f"its clip waits at the gateway; {_AGAIN}",
    _S.DONE: None,
    _S.MISSING: "its clip was here and is gone; put it back, or the next run asks for it once more",
    _S.UNDELIVERED: "paid, but no usable file came; the next run asks for a fresh link",
    _S.REJECTED: "this input was refused, for nothing; change the job, or `run --retry rejected`",
    _S.MODERATED: "refused by moderation, perhaps charged; change the job, or `run --retry moderated`",
    _S.FAILED: "failed at the gateway; `run --retry failed` pays for another try, or change the job",
    _S.EXPIRED: "expired at the gateway before it was collected; `run --retry expired` pays for another",
    _S.HELD: "held back before it was sent: put right what its reason names, and the next run sends it",
    _S.BLOCKED: "waits for the clip that it starts from; once that is there, the next run sends this one",
}
_NEVER_AGAIN = "change that job, or try it again with `run --retry`, and this one follows"
_PARENT = {
    **dict.fromkeys((_S.REJECTED, _S.MODERATED, _S.FAILED, _S.EXPIRED), _NEVER_AGAIN),
    **dict.fromkeys((_S.UNDELIVERED, _S.MISSING), "the next run asks for its link once more"),
    **dict.fromkeys((_S.ACCEPTED, _S.READY), "it is still on its way; run again"),
    **dict.fromkeys((_S.PLANNED, _S.SUBMITTING, _S.HELD), "it was not sent; run again"),
    _S.UNKNOWN: "settle that one first (nightreel status says how), and this one follows",
    _S.BLOCKED: "it waits for a clip itself",
}


def parent_advice(parent: Take | None) -> str:
    """What to do so that a job gets the clip that it starts from."""
    if parent is None:
        return "put it back into the manifest"
    if parent.state is _S.PLANNED and not parent.selected:
        return "it was not selected; add it to --only, or run without"
    return _PARENT.get(parent.state, "run again")


def link_gone_advice(job: Job) -> str:
    """What to do where a clip is here, but the gateway can no longer read it."""
    own = f'put its clip where the gateway can fetch it and name that https URL in "{job.operation}"'
    return f'{own}, or give {job.parent_key!r} a new "revision" to make it anew'


def is_rehearsal(folder: Path) -> bool:
    """Whether this is the batch folder of a rehearsal."""
    return folder.absolute().parent.name == REHEARSALS


def run_again(folder: Path) -> str:
    """How a person goes on with a batch."""
    return "run the manifest again" + (" with --rehearse" if is_rehearsal(folder) else "")


def advice(take: Take, folder: Path) -> str | None:
    """The next step for one take of the batch in `folder`, or None where there is nothing to do."""
    text = _advice(take, folder)
    if text is None or not is_rehearsal(folder):
        return text
    # What a person copies from here must not buy anything.
    return text.replace("`run --", "`run --rehearse --").replace("the next run", "the next rehearsal")


def _advice(take: Take, folder: Path) -> str | None:
    if take.state is not _S.UNKNOWN:
        return ADVICE[take.state]
    resolve = f"nightreel resolve {folder} {take.job.key}"
    if take.replaced:
        resolve = f"{resolve} --take {take.version}"
        return (
            "its answer was lost, and you had it sent again: it may be running and billed, and counts as in"
            f" flight until its deadline. If the gateway has it after all, `{resolve} --remote-id ID` brings"
            f" its clip to superseded/; if not, `{resolve} --not-charged`"
        )
    return (
        "sent, but the answer was lost: it may be running and billed, so it is not sent again by itself."
        f" Look at the gateway's own list of jobs or bill: if it is there, `{resolve} --remote-id ID`;"
        f" if it is not, `{resolve} --not-charged`. `run --resubmit-unknown` sends it again in any case"
    )
