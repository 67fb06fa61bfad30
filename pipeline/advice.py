"""What a person can do about a take that is not done: one sentence per state, with the command."""

from __future__ import annotations

from pipeline.model import Take, TakeState

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
    _S.REJECTED: "the gateway refuses this input and took no money; change the job in the manifest",
    _S.MODERATED: "refused by moderation, perhaps charged; change the prompt or picture",
    _S.FAILED: "failed at the gateway; change the job in the manifest to try something else",
    _S.EXPIRED: "expired at the gateway before it was collected; change the job to make it anew",
    _S.HELD: "held back before it was sent; the next run sends it",
    _S.BLOCKED: "waits for the clip that it starts from; see that job",
}


def advice(take: Take, batch: str) -> str | None:
    """The next step for one take, or None where there is nothing to do."""
    if take.state is not _S.UNKNOWN:
        return ADVICE[take.state]
    resolve = f"nightreel resolve {batch} {take.job.key}"
    return (
        "sent, but the answer was lost: it may be running and billed, so it is not sent again by itself."
        f" Look at the gateway's own list of jobs or bill: if it is there, `{resolve} --remote-id ID`;"
        f" if it is not, `{resolve} --not-charged`"
    )
