"""Plots of docs/performance.md, drawn from build/bench.json with matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

mpl.use("svg")
# No date and fixed ids: the same figures give the same file.
mpl.rcParams |= {
    "svg.hashsalt": "nightreel",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}
OURS, OTHERS, BOUND, BAD = "#1f6f8b", "#b8a07e", "#555555", "#c0392b"
Data = dict[str, Any]


def drawn(results: dict[str, Data], folder: Path) -> Iterator[tuple[str, Path]]:
    """Section and file of each plot for which there are figures."""
    folder.mkdir(parents=True, exist_ok=True)
    for section, name, draw in PLOTS:
        data = results.get(section, {}).get("data", {})
        figure = draw(data) if data else None
        if figure is not None:
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
            plt.close(figure)
            yield section, path


def growth(data: Data) -> Figure | None:
    """Dashed: ten times as many, memory in a straight line from the last two, the others as they are."""
    found = data.get("growth")
    if not found:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8))
    jobs = [one["jobs"] for one in found]
    before, last, more = jobs[-2], jobs[-1], 10 * jobs[-1]
    for axis, (name, title) in zip(
        axes,
        (
            ("cpu_ms_per_job", "processor ms per job"),
            ("peak_mib", "peak memory, MiB"),
            ("ledger_bytes_per_job", "ledger, bytes per job"),
        ),
        strict=True,
    ):
        known = [one[name] for one in found]
        rise = (known[-1] - known[-2]) / (last - before) if name == "peak_mib" else 0.0
        guess = known[-1] + rise * (more - last)
        axis.semilogx([last, more], [known[-1], guess], "o--", color=OURS, markerfacecolor="white")
        axis.semilogx(jobs, known, "o-", color=OURS)
        axis.set(title=title, xlabel="jobs", ylim=(0, 1.15 * max(*known, guess)))
        axis.set_xticks([*jobs, more], [f"{count:,}" for count in [*jobs, more]], fontsize=7)
    return _tight(figure)


def nights(data: Data) -> Figure | None:
    found = data.get("nights")
    if not found:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8))
    names = list(found)
    colours = [OURS, *[OTHERS] * (len(names) - 1)]
    for axis, (name, title) in zip(
        axes,
        (
            ("delay_s", "ready until known, mean s"),
            ("polls_per_job", "polls per job"),
            ("refused_429", "calls answered 429"),
        ),
        strict=True,
    ):
        figures = [one[name] for one in found.values()]
        bars = axis.barh(names, figures, color=colours)
        axis.bar_label(bars, [f"{one:,.0f}" if one >= 100 else f"{one:g}" for one in figures], padding=2)
        axis.set(title=f"{title} (log)", xscale="symlog", xlim=(0, 20 * max(figures)), xticks=[])
        axis.invert_yaxis()
    return _tight(figure)


def polls(data: Data) -> Figure | None:
    shown = [name for name in data if "optimum" in data[name]][:6]
    if not shown:
        return None
    figure, axes = plt.subplots(2, 3, figsize=(9, 5.2))
    for axis, name in zip(axes.flat, shown, strict=False):
        _curve(axis, name, data[name])
    for axis in list(axes.flat)[len(shown) :]:
        axis.remove()
    axes.flat[0].legend(frameon=False)
    return _tight(figure)


def _curve(axis: Axes, name: str, told: Data) -> None:
    best = [point for point in told["optimum"] if point[0] <= 14]
    axis.plot([x for x, _ in best], [y for _, y in best], color=BOUND, lw=1, label="computed optimum")
    for label, point in told.items():
        if label == "optimum":
            continue
        colour = OURS if label == "ours" else OTHERS
        text = "learned schedule" if label == "ours" else "advice, fixed intervals"
        known = axis.get_legend_handles_labels()[1]
        axis.plot(*point, "o", color=colour, label=None if text in known else text)
        axis.annotate(
            label if label in ("ours", "advice") else f"{label} s", point, xytext=(4, 4),
            textcoords="offset points", fontsize=7, color=colour,
        )  # fmt: skip
    most = max(told["ours"][1], told["advice"][1]) * 2
    axis.set(title=name, xlabel="polls per job", ylabel="mean delay, s", xlim=(0, 14), ylim=(0, most))


def pace(data: Data) -> Figure | None:
    rates = data.get("rates")
    if not rates:
        return None
    figure, axes = plt.subplots(1, len(rates), figsize=(9, 2.8), squeeze=False)
    for axis, one in zip(axes[0], rates, strict=True):
        limits = one["limits"]
        ends = [*[at for at, _ in limits][1:], one["rate"][-1][0]]
        for (at, limit), end in zip(limits, ends, strict=True):
            axis.hlines(limit, at, end, color=BOUND, lw=1)
        axis.plot([at for at, _ in one["rate"]], [rate for _, rate in one["rate"]], color=OURS, lw=1)
        axis.plot(one["refused_at"], [0.0] * len(one["refused_at"]), "|", color=BAD)
        axis.set(title=one["server"], xlabel="s", ylim=(0, None))
        axis.title.set_fontsize(8)
    axes[0][0].set_ylabel("calls per second")
    return _tight(figure)


DOWNLOADERS = {
    "nightreel": "nightreel: hashed, synced, on record",
    "bare": "nightreel without hash and sync",
    "aria2c": "aria2c",
    "curl": "curl --parallel",
}


def downloads(data: Data) -> Figure | None:
    large, small = data.get("large_mib_per_s"), data.get("small_files_per_s")
    if not large or not small:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.4))
    for axis, found, title in zip(
        axes, (large, small), ("files of 64 MiB, MiB per second", "files of 200 KiB, per second"), strict=True
    ):
        names = [name for name in DOWNLOADERS if name in found]
        colours = [OURS if name in ("nightreel", "bare") else OTHERS for name in names]
        bars = axis.barh(
            [DOWNLOADERS[name] for name in names], [found[name] for name in names], color=colours
        )
        axis.bar_label(bars, fmt="%.0f", padding=2)
        axis.invert_yaxis()
        axis.margins(x=0.15)
        axis.set(title=title)
    return _tight(figure)


def _tight(figure: Figure) -> Figure:
    figure.tight_layout()
    return figure


PLOTS: tuple[tuple[str, str, Callable[[Data], Figure | None]], ...] = (
    ("pace", "pace", pace),
    ("polls", "polls", polls),
    ("nights", "nights", nights),
    ("growth", "growth", growth),
    ("downloads", "downloads", downloads),
)
