"""Orders: what one submission asks for, and the rules a gateway checks before it accepts.

`base` says what an order is and how one is refused, `fields` reads single fields of a body, `grok` has
what the Grok dialects share, `sources` the edits and extensions of a video, `xai` and `video3` what one
gateway alone takes.
"""

from __future__ import annotations

from pipeline.sim.orders.base import BadOrderError, MalformedOrderError, Order, Still, UnknownModelError

__all__ = ["BadOrderError", "MalformedOrderError", "Order", "Still", "UnknownModelError"]
