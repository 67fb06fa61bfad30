"""One target under atheris, in a process of its own: libFuzzer never gives control back.

    python -m fuzz.guided TARGET LIBFUZZER-OPTIONS CORPUS...

Nothing but this module needs atheris.
"""

from __future__ import annotations

import sys

import atheris


def main() -> None:
    with atheris.instrument_imports(include=["pipeline", "dotenv", "email"]):
        import dotenv.parser  # noqa: F401 - the package imports it only where it is used
        from fuzz.targets import TARGETS
    name = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[name].holds)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
