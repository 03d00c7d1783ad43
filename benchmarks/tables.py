"""
The results as tables: for the terminal, and for the documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ratios import Estimate, Verdict, byRow, medianOf, ratio, verdicts
from rows import CLIENTS, CPU, IMPORT_CPU, MEMORY, NODE, P50, ROWS, SIO, Row

HEAD = ("work", *CLIENTS, f"ratio to {NODE}", f"to {SIO}", "target", "")
_SUFFIX = {CPU: "", P50: ", p50", MEMORY: ", KiB of memory", IMPORT_CPU: ", ms"}


@dataclass(frozen=True)
class Line:
    """
    One line of a table; all of it text.
    """

    group: str
    cells: tuple[str, ...]


def lines(results: Sequence[dict[str, Any]]) -> list[Line]:
    """
    A line for each row that was measured and each of its metrics.
    """
    measured = byRow(results)
    failed = {result["row"]: result for result in results if "error" in result}
    made = []
    for row in ROWS:
        if row.name in measured:
            made += [_line(row, metric, measured[row.name]) for metric in row.metrics]
        if row.name in failed:
            problem = failed[row.name]
            text = f"{row.title}: {problem['client']} failed: {problem['error']}"
            made.append(Line(row.group, (text, *[""] * (len(HEAD) - 1))))
    return made


def _line(row: Row, metric: str, rounds: Any) -> Line:
    medians = [_number(medianOf(rounds, client, metric)) for client in CLIENTS]
    ratios = [_interval(ratio(rounds, base, metric)) for base in (NODE, SIO)]
    for i, client in enumerate((NODE, SIO)):
        if not any(client in each for each in rounds):
            ratios[i] = ""
    found = [each for each in verdicts(row, rounds) if each.target.metric == metric]
    targets = "; ".join(str(each.target) for each in found)
    words = "; ".join(_judged(each) for each in found)
    return Line(row.group, (row.title + _SUFFIX[metric], *medians, *ratios, targets, words))


def _judged(verdict: Verdict) -> str:
    if verdict.target.base in (NODE, SIO):
        return verdict.word
    return f"{verdict.word} ({verdict.reached.median:.3g})"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _interval(found: Estimate | None) -> str:
    if found is None:
        return ""
    return f"{found.median:.3g} ({found.low:.3g}–{found.high:.3g})"


def plain(made: Iterable[Line]) -> str:
    """
    For the terminal.
    """
    made = list(made)
    table = [HEAD, *(line.cells for line in made)]
    widths = [
        max(len(cells[i]) for cells in table if i or cells[1]) for i in range(len(HEAD))
    ]
    text, group = [_padded(HEAD, widths)], ""
    for line in made:
        if line.group != group:
            group = line.group
            text += ["", f"{group}"]
        text.append(_padded(line.cells, widths))
    return "\n".join(text)


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cells[0].ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(cells[1:-2], widths[1:-2], strict=True)]
    return "  ".join([*padded, cells[-2].ljust(widths[-2]), cells[-1]]).rstrip()


def restructured(made: Iterable[Line]) -> str:
    """
    For the documentation.
    """
    text = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 30 10 10 10 10 20 20 20 12",
        "",
        *_item(HEAD),
    ]
    group = ""
    for line in made:
        if line.group != group:
            group = line.group
            text += _item((f"**{group}**", *[""] * (len(HEAD) - 1)))
        text += _item(line.cells)
    return "\n".join(text) + "\n"


def _item(cells: Sequence[str]) -> list[str]:
    marks = ["   * - ", *["     - "] * (len(cells) - 1)]
    return [f"{mark}{cell}".rstrip() for mark, cell in zip(marks, cells, strict=True)]
