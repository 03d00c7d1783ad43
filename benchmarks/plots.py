"""
The results as pictures.  Needs matplotlib, which only the benchmarks' own
environment has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.hashsalt": "txsocketio",
    "axes.spines.top": False,
    "axes.spines.right": False,
})

from matplotlib import pyplot  # noqa: E402  the backend is chosen first
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402
from ratios import byRow, ratio  # noqa: E402
from rows import CPU, NODE, ROWS, SIO  # noqa: E402

INK, FAINT = "#22303c", "#c9d1d9"
COLOURS = {NODE: "#3c873a", SIO: "#e07b00"}
OURS = "#1f5fbf"


def drawPeers(results: Sequence[dict[str, Any]], path: Path, caption: str) -> None:
    """
    How many times our CPU the others need, one line a row.
    """
    measured = byRow(results)
    rows = [row for row in ROWS if row.name in measured and CPU in row.metrics]
    heights = _heights([row.group for row in rows])
    figure, axes = pyplot.subplots(figsize=(8.6, 1.6 + 0.3 * (max(heights) + 1)))
    axes.set_xscale("log")
    axes.axvline(1, color=OURS, linewidth=2, zorder=1)
    for row, height in zip(rows, heights, strict=True):
        _drawRow(axes, measured[row.name], height)
    _nameRows(axes, rows, heights)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([0.25, 0.5, 1, 2, 5, 10, 20])
    axes.set_xlabel("CPU an event, as a multiple of txsocketio's (right of the line: we need less)")
    for client, colour in COLOURS.items():
        axes.plot([], [], "o", color=colour, label=client)
    axes.plot([], [], color=OURS, linewidth=2, label="txsocketio")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.07), ncols=3, frameon=False)
    figure.text(0.99, 0.005, caption, ha="right", fontsize=7.5, color="#6b7883")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def _heights(groups: Sequence[str]) -> list[float]:
    """
    A place for each row, from the top, with room for a heading before each group.
    """
    heights, height, before = [], 0.0, ""
    for group in groups:
        height += 2.1 if group != before else 1.0
        before = group
        heights.append(height)
    return heights


def _drawRow(axes: Any, rounds: Any, height: float) -> None:
    axes.axhline(height, color=FAINT, linewidth=0.6, zorder=0)
    for client, colour in COLOURS.items():
        found = ratio(rounds, client, CPU)
        if found is None:
            continue
        times = 1 / found.median
        axes.plot([1 / found.high, 1 / found.low], [height] * 2, color=colour, linewidth=2.5,
                  alpha=0.5, solid_capstyle="round", zorder=2)
        axes.plot([times], [height], "o", color=colour, markersize=6, zorder=3)
        axes.annotate(f"{times:.2g}×", (max(times, 1 / found.low), height), (6, 0),
                      textcoords="offset points", va="center", fontsize=8, color=colour)


def _nameRows(axes: Any, rows: Sequence[Any], heights: Sequence[float]) -> None:
    axes.set_yticks(heights, [row.title for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(max(heights) + 0.8, -0.2)
    before = ""
    for row, height in zip(rows, heights, strict=True):
        if row.group != before:
            before = row.group
            axes.annotate(before.partition(" (")[0], (-0.01, height - 1.0), ha="right",
                          va="center", xycoords=("axes fraction", "data"), weight="bold",
                          color=INK, annotation_clip=False)


def drawGrowth(series: Mapping[str, Any], path: Path, caption: str) -> None:
    """
    Cost per event against what might make it grow, one small picture each.
    """
    height = -(-len(series) // 3)
    figure, grid = pyplot.subplots(height, 3, figsize=(10, 2.7 * height))
    for axes in grid.flat[len(series):]:
        axes.set_visible(False)
    for axes, (title, one) in zip(grid.flat, series.items(), strict=False):
        _drawSeries(axes, title, one)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.text(0.99, 0.005, caption, ha="right", fontsize=7.5, color="#6b7883")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def _drawSeries(axes: Any, title: str, one: Mapping[str, Any]) -> None:
    for colour, (name, points) in zip((OURS, "#e07b00", "#3c873a", "#8a4fbf"),
                                      one["lines"].items(), strict=False):
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, "o-", color=colour, markersize=3.5, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low = min(y for points in one["lines"].values() for _, y in points)
    high = max(y for points in one["lines"].values() for _, y in points)
    # A flat line shall look flat: at least two decades.
    middle = (low * high) ** 0.5
    axes.set_ylim(min(low / 1.6, middle / 10), max(high * 1.6, middle * 10))
    axes.set_title(title, loc="left", fontsize=10, weight="bold", color=INK)
    axes.set_xlabel(one["x"], fontsize=8.5)
    axes.set_ylabel("µs an event", fontsize=8.5)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    axes.grid(True, which="major", color=FAINT, linewidth=0.5)
    if len(one["lines"]) > 1:
        axes.legend(fontsize=7.5, frameon=False)
