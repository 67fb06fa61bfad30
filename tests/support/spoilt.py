"""`nightreel` with something taken out of it, in a process of its own: this file, run as a script.

    spoilt.py FLAW[,FLAW] WORDS...

So a test shows that it would notice. `talkative` takes out every redaction; `crash` raises an error of the
kind that no run expects, with a whole answer of the gateway in its text, and has a library log it as well.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from pipeline.cli.app import main
from pipeline.providers.base import Answer, Polled
from pipeline.providers.grok import Grok
from pipeline.secret import Secret


def talkative() -> None:
    def unhidden(_secret: Secret, text: str | None) -> str | None:
        return text

    Secret.hidden_in = unhidden  # type: ignore[method-assign]


def crash() -> None:
    def parse_poll(_provider: Grok, answer: Answer) -> Polled:
        text = f"cannot read {answer.body.decode()}"
        logging.getLogger("asyncio").error("%s", text)
        raise RuntimeError(text)

    Grok.parse_poll = parse_poll  # type: ignore[method-assign]


FLAWS: dict[str, Callable[[], None]] = {"talkative": talkative, "crash": crash}

if __name__ == "__main__":
    for flaw in sys.argv[1].split(","):
        FLAWS[flaw]()
    main(sys.argv[2:])
