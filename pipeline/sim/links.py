"""Links to result files: signed, short-lived, and replaced by the next poll once they are dead. Pure.

Nothing of this is on record: after a restart a link that was given out still works until it expires,
since the signature says all, while a revoked one is alive again.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode


@dataclass(frozen=True, slots=True)
class Link:
    """One address of a clip; `serial` tells apart links that were given out one after the other."""

    expires_at: float
    serial: int


class Links:
    """The links of one world, signed with its secret; each lives for `life_s`."""

    def __init__(self, secret: bytes, life_s: float) -> None:
        self._secret = secret
        self._life_s = life_s
        self._given: dict[str, Link] = {}
        self._revoked: set[tuple[str, int]] = set()

    def give(self, job_id: str, now: float) -> str:
        """Path and query of a working link: the one given before, or a fresh one if that is dead."""
        link = self._given.get(job_id)
        if link is None or self._dead(job_id, link, now):
            link = Link(round(now + self._life_s, 3), link.serial + 1 if link else 1)
            self._given[job_id] = link
        fields = {"sig": self._sign(job_id, link), "exp": f"{link.expires_at:.3f}", "n": link.serial}
        return f"/files/{job_id}.mp4?{urlencode(fields)}"

    def live(self, job_id: str, query: str, now: float) -> Link | None:
        """The link that this query carries, if it is one of ours, unexpired and not revoked."""
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        try:
            link = Link(float(fields["exp"]), int(fields["n"]))
        except (KeyError, ValueError):
            return None
        genuine = hmac.compare_digest(fields.get("sig", "").encode(), self._sign(job_id, link).encode())
        return None if not genuine or self._dead(job_id, link, now) else link

    def age_s(self, link: Link, now: float) -> float:
        """How long ago a link was given out."""
        return now - (link.expires_at - self._life_s)

    def revoke(self, job_id: str, link: Link) -> None:
        """Make a link useless before its time."""
        self._revoked.add((job_id, link.serial))

    def _dead(self, job_id: str, link: Link, now: float) -> bool:
        return now >= link.expires_at or (job_id, link.serial) in self._revoked

    def _sign(self, job_id: str, link: Link) -> str:
        text = f"{job_id}:{link.expires_at:.3f}:{link.serial}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:32]
