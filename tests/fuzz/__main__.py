"""Fuzzing guided by coverage: `make fuzz SECONDS=60 TARGET=all`, `make fuzz TARGET=answers REPLAY=<file>`.

What was interesting stays in build/fuzz/<target>/corpus, where the next run begins. What broke a promise lies
in build/fuzz/<target>/found, and the exit code is 1. A replay needs no fuzzer: it is one plain call.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from fuzz.seeds import ROOT
from fuzz.targets import TARGETS, Target

OUT = ROOT / "build" / "fuzz"
SLOWEST_S = 20  # for one input; then it counts as found
MEMORY_MB = 2048
_TOTALS = re.compile(r"^(?:#|Done )(\d+)", re.MULTILINE)


def fuzz(name: str, seconds: int) -> bool:
    """Whether the target held for so long."""
    folder = OUT / name
    _write(TARGETS[name], folder)
    began = time.monotonic()
    with (folder / "log").open("w") as log:
        held = subprocess.run(_command(name, seconds), stdout=log, stderr=log, check=False).returncode == 0
    taken_s = time.monotonic() - began
    said = (folder / "log").read_text(errors="replace")
    runs = max(map(int, _TOTALS.findall(said)), default=0)
    outcome = "held" if held else "BROKEN"
    print(f"{name}: {runs} inputs in {taken_s:.0f} s, {runs / taken_s:.0f} per second: {outcome}", flush=True)
    if not held:
        _tell(name, said)
    return held


def _write(target: Target, folder: Path) -> None:
    """The folders of one target, its seeds, and its words in libFuzzer's form."""
    for part in ("corpus", "seeds", "found"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / "seeds" / f"{number:03}").write_bytes(seed)
    quoted = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in target.words.split())
    (folder / "words").write_text("".join(f'"{word}"\n' for word in quoted))


def _command(name: str, seconds: int) -> list[str]:
    folder = OUT / name
    options = [f"-max_total_time={seconds}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MEMORY_MB}"]
    options += [f"-artifact_prefix={folder}/found/"]
    options += [f"-dict={folder}/words"] if TARGETS[name].words else []
    return [sys.executable, "-m", "fuzz.guided", name, *options, f"{folder}/corpus", f"{folder}/seeds"]


def _tell(name: str, said: str) -> None:
    """What went wrong, and how to see it again."""
    print("\n".join(said.splitlines()[-40:]))
    files = sorted((OUT / name / "found").iterdir(), key=lambda file: file.stat().st_mtime)
    if files:
        print(f"again: make fuzz TARGET={name} REPLAY={files[-1].relative_to(ROOT)}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--target", default="all", choices=["all", *TARGETS])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--replay", type=Path)
    asked = parser.parse_args()
    if asked.replay is not None:
        if asked.target == "all":
            parser.error("a replay needs TARGET: the name of the folder in build/fuzz that the file lies in")
        TARGETS[asked.target].holds((ROOT / asked.replay).read_bytes())
        print(f"{asked.target}: holds for {asked.replay}")
        return 0
    names = list(TARGETS) if asked.target == "all" else [asked.target]
    broken = [name for name in names if not fuzz(name, asked.seconds)]
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
