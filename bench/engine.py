"""Whole runs against the simulator in a process of its own: processor time, memory and ledger per job.

    python -m bench.engine

The peer is the forty-line script of `bench/bare.py`, in alternating runs. From each figure that of one job is
taken off, so that the start of Python counts on neither side. The look at each clip (every frame is decoded)
is measured alone and counted apart, as the goal has it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from PIL import Image

from bench.rows import Measured, Row
from bench.served import IN_FLIGHT, RENDER_S, Ended, Server, ended, manifest_of, run, simulator

PROBES = 300
PROBE = """\
import sys, time
from pathlib import Path
from pipeline.media import probe
probe(Path(sys.argv[1]))
began = time.process_time()
for _ in range(int(sys.argv[2])):
    probe(Path(sys.argv[1]))
print((time.process_time() - began) / int(sys.argv[2]))
"""
LARGE = "{render_s: 0.5, clips: small, clip_bytes: 268435456}"
PICTURES = 64


def measure(long: bool) -> Measured:
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="nightreel-bench-") as made:
        folder = Path(made)
        cpu(measured, folder, {1000: 3, 10_000: 1} if long else {1000: 1})
        large(measured, folder)
        if long:
            pictures(measured, folder)
    return measured


def cpu(measured: Measured, folder: Path, counts: dict[int, int]) -> None:
    """`counts`: how often so many jobs are run."""
    with simulator(folder) as server:
        one = [ours(folder, server, 1, f"start{number}")[0] for number in range(2)][-1]
        bare_one = bare(folder, server, 1, "bare-start")
        probe_s = 0.0
        per_job: dict[int, float] = {}
        for count, runs in counts.items():
            us, plain, shares = [], [], []
            for number in range(runs):
                before = server.cpu_s
                run_, batch = ours(folder, server, count, f"ours{count}-{number}")
                shares.append((server.cpu_s - before) / run_.wall_s)
                us.append(1000 * (run_.cpu_s - one.cpu_s) / count)
                other = bare(folder, server, count, f"bare{count}-{number}")
                plain.append(1000 * (other.cpu_s - bare_one.cpu_s) / count)
                probe_s = probe_s or probed(next(batch.glob("clips/*.mp4")))
            ms, bare_ms = statistics.median(us) - 1000 * probe_s, statistics.median(plain)
            per_job[count] = ms
            note = f"{ms:.2f} ms against {bare_ms:.2f} ms; the server used {max(shares):.0%} of a processor"
            measured.rows.append(
                Row(name=f"client CPU per job, {count} small jobs / bare aiohttp loop", figure=ms / bare_ms,
                    unit="x", goal=2, stable=True, note=note)
            )  # fmt: skip
        measured.rows.append(
            Row(name="the look at one small clip, counted apart", figure=1000 * probe_s, unit="ms")
        )
        if len(per_job) > 1:
            few, many = per_job[min(counts)], per_job[max(counts)]
            name = f"CPU per job, {max(counts)} jobs / {min(counts)} jobs"
            measured.rows.append(Row(name=name, figure=many / few, unit="x", goal=1.10, stable=True))


def ours(folder: Path, server: Server, jobs: int, name: str) -> tuple[Ended, Path]:
    output = folder / "output"
    return run(manifest_of(folder, name, jobs), output, server), output / name


def bare(folder: Path, server: Server, jobs: int, name: str) -> Ended:
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    return ended(sys.executable, "-m", "bench.bare", server.base_url, jobs, folder / name, env=env)


def probed(clip: Path) -> float:
    """Processor seconds for a look at a clip."""
    return float(ended(sys.executable, "-c", PROBE, clip, PROBES).out)


def large(measured: Measured, folder: Path) -> None:
    """Peak memory does not grow with the size of clips, nor with how many are loaded."""
    with simulator(folder, LARGE) as server:
        for jobs in (1, 8):
            peak = run(manifest_of(folder, f"large-{jobs}", jobs), folder / "large", server).peak_mib
            name = f"peak memory, {jobs} clip{'s' * (jobs > 1)} of 256 MiB at once"
            measured.rows.append(Row(name=name, figure=peak, unit="MiB", goal=120))


def pictures(measured: Measured, folder: Path) -> None:
    """Many submits at once, each with a picture of nearly 20 MiB.

    Noise, since it does not shrink; each with EXIF data of its own, which has to go.
    """
    side = 3850
    picture = Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))
    exif = Image.Exif()
    exif[0x010E] = "x" * 16  # a description to write over
    picture.save(folder / "noise.jpg", quality=97, exif=exif)
    noise = (folder / "noise.jpg").read_bytes()
    assert 19 << 20 < len(noise) <= 20 << 20, len(noise)
    for number in range(PICTURES):
        (folder / f"{number}.jpg").write_bytes(noise.replace(b"x" * 16, f"{number:016}".encode(), 1))
    path = manifest_of(folder, "pictures", 0, PICTURES)
    lines = [f"  - {{id: job-{n}, prompt: Picture {n}., image: {n}.jpg}}\n" for n in range(PICTURES)]
    path.write_text(path.read_text() + "".join(lines))
    with simulator(folder) as server:
        run_ = run(path, folder / "pictures", server)
    name = f"peak memory, {PICTURES} submits of 20 MiB pictures at once"
    note = f"{run_.wall_s:.0f} s"
    measured.rows.append(Row(name=name, figure=run_.peak_mib, unit="MiB", goal=150, note=note))


if __name__ == "__main__":
    print(f"{IN_FLIGHT} in flight, clips after {RENDER_S} s")
    for row in measure("--long" in sys.argv).rows:
        print(row)
