"""
The results as pictures.  Needs matplotlib, which only the benchmarks' own
environment has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
matplotlib.rcParams.update({
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.hashsalt": "txsocketio",
    "axes.spines.top": False,
    "axes.spines.right": False,
})

from matplotlib import pyplot  # noqa: E402  the backend is chosen first
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter  # noqa: E402
from ratios import byRow, ratio  # noqa: E402
from rows import CPU, NODE, ROWS, SIO  # noqa: E402

INK, FAINT = "#22303c", "#c9d1d9"
COLOURS = {NODE: "#3c873a", SIO: "#e07b00"}
OURS = "#1f5fbf"
CLOSE = 1.7


def drawPeers(results: Sequence[dict[str, Any]], path: Path, caption: str) -> None:
    """
    How many times our CPU the others need, one line a row.
    """
    measured = byRow(results)
    rows = [row for row in ROWS if row.name in measured and CPU in row.metrics]
    heights = _heights([row.group for row in rows])
    figure, axes = pyplot.subplots(figsize=(8.6, 1.0 + 0.27 * (max(heights) + 1)))
    axes.set_xscale("log")
    axes.set_xlim(*_limits(measured, rows))
    axes.axvspan(1, axes.get_xlim()[1], color=OURS, alpha=0.05, linewidth=0, zorder=0)
    axes.axvline(1, color=OURS, linewidth=2, zorder=1)
    for row, height in zip(rows, heights, strict=True):
        _drawRow(axes, measured[row.name], height)
    _nameRows(axes, rows, heights)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(FixedLocator([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]))
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_xlabel("CPU an event, as a multiple of what txsocketio needs\n"
                    "(in the shaded half, txsocketio needs less)")
    for client, colour in COLOURS.items():
        axes.plot([], [], "o", color=colour, label=client)
    axes.plot([], [], color=OURS, linewidth=2, label="txsocketio")
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, frameon=False)
    axes.annotate(caption, (1, 0), (0, -58), xycoords="axes fraction",
                  textcoords="offset points", ha="right", fontsize=7.5, color="#6b7883")
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


def _limits(measured: Any, rows: Sequence[Any]) -> tuple[float, float]:
    """
    What is to be seen, with room for the figures.
    """
    found = [ratio(measured[row.name], client, CPU) for row in rows for client in COLOURS]
    times = [1 / each.median for each in found if each is not None]
    return min(0.5, *times) / 1.5, max(2.0, *times) * 1.5


def _drawRow(axes: Any, rounds: Any, height: float) -> None:
    axes.axhline(height, color=FAINT, linewidth=0.6, zorder=0)
    found = {client: ratio(rounds, client, CPU) for client in COLOURS}
    order = sorted(
        (each.median, client) for client, each in found.items() if each is not None
    )
    for place, (median, client) in enumerate(order):
        # Of two dots close together, the left one has its figure to the left.
        left = place > 0 and median < CLOSE * order[0][0]
        _drawDot(axes, found[client], height, COLOURS[client], left)


def _drawDot(axes: Any, found: Any, height: float, colour: str, left: bool) -> None:
    times, low, high = 1 / found.median, 1 / found.high, 1 / found.low
    axes.plot([low, high], [height] * 2, color=colour, linewidth=3, alpha=0.4,
              solid_capstyle="round", zorder=2)
    axes.plot([times], [height], "o", color=colour, markersize=6, zorder=4)
    axes.annotate(
        f"{times:.2g}×", (low if left else high, height), (-7 if left else 7, 0),
        textcoords="offset points", va="center", ha="right" if left else "left",
        fontsize=8, color=colour, zorder=3,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none",
              "alpha": 0.85},
    )


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


def drawGrowth(
    series: Mapping[str, Any], shapes: Mapping[str, float], path: Path, caption: str
) -> None:
    """
    Cost per event against what might make it grow, one small picture each.
    """
    height = -(-(len(series) + 1) // 4)
    figure, grid = pyplot.subplots(height, 4, figsize=(13, 2.8 * height))
    for axes in grid.flat[len(series) + 1:]:
        axes.set_visible(False)
    for axes, (title, one) in zip(grid.flat, series.items(), strict=False):
        _drawSeries(axes, title, one)
    _drawShapes(grid.flat[len(series)], shapes)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
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
    axes.xaxis.set_major_formatter(FuncFormatter(_short))
    axes.tick_params(which="minor", length=0)
    axes.grid(True, which="major", color=FAINT, linewidth=0.5)
    if len(one["lines"]) > 1:
        axes.legend(fontsize=7.5, frameon=False)


def _drawShapes(axes: Any, shapes: Mapping[str, float]) -> None:
    places = range(len(shapes))
    axes.barh(places, list(shapes.values()), color=OURS, height=0.6)
    axes.set_yticks(places, list(shapes), fontsize=8)
    axes.invert_yaxis()
    axes.set_title("Kinds of events", loc="left", fontsize=10, weight="bold", color=INK)
    axes.set_xlabel("µs an event", fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    for place, value in zip(places, shapes.values(), strict=True):
        axes.annotate(f"{value:.2g}", (value, place), (3, 0), textcoords="offset points",
                      va="center", fontsize=8)


def _short(number: float, _: object) -> str:
    return f"{number / 1000:g}k" if number >= 1000 else f"{number:g}"
