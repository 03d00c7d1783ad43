"""
Run txsocketio, Node's client and python-socketio side by side; print the ratios.

    make bench                            everything, 15 rounds: about an hour
    make bench QUICK=1                    one round or more in under two minutes
    make bench ARGS="-s in-canned -r 5"   some rows
    make bench ARGS="--report FILE"       the table of an earlier run

Order: round, row, client, so that what disturbs the machine disturbs the
clients of a row alike, and the ratio of each pair is fair.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from peers import BENCH, PYTHON, ROOT
from processes import Servers
from rows import CLIENTS, ROWS, Row
from tables import lines, plain, restructured

DOCS = ROOT / "docs" / "topics" / "performance"
ROUNDS, SECONDS = 15, 1.0
QUICK_SECONDS, QUICK_BUDGET = 0.2, 100.0

Result = dict[str, Any]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("-r", "--rounds", type=int, help=f"runs of each pair ({ROUNDS})")
    parser.add_argument("-s", "--rows", type=_rows, default=None, help="names, by commas")
    parser.add_argument("-c", "--clients", type=_clients, default=CLIENTS)
    parser.add_argument("--seconds", type=float, help="length of a measured round")
    parser.add_argument("--quick", action="store_true", help="short rounds, as many as fit")
    parser.add_argument("--report", type=Path, nargs="+", help="files of earlier runs")
    parser.add_argument("--keep", action="store_true", help="write into docs/, whatever was run")
    return parser.parse_args()


def _rows(text: str) -> list[Row]:
    known = {row.name: row for row in ROWS}
    return [known[name] for name in _known(text, known)]


def _clients(text: str) -> tuple[str, ...]:
    return tuple(_known(text, CLIENTS))


def _known(text: str, known: Any) -> list[str]:
    names = text.split(",")
    unknown = set(names) - set(known)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: none of {', '.join(known)}")
    return names


def main() -> None:
    args = parse()
    if args.report:
        results = [json.loads(text) for path in args.report for text in path.open()]
    else:
        results = measure(args)
    show(results)
    whole = not (args.report or args.quick or args.rows or args.rounds or args.seconds)
    if args.keep or whole:
        keep(results)


def measure(args: argparse.Namespace) -> list[Result]:
    """
    Run it all; what was found is kept in a file as well, for C{--report}.
    """
    rows = args.rows or [row for row in ROWS if row.quick or not args.quick]
    seconds = args.seconds or (QUICK_SECONDS if args.quick else SECONDS)
    rounds = args.rounds or (1000 if args.quick else ROUNDS)
    folder = BENCH / "results"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.datetime.now():%Y-%m-%dT%H-%M-%S}.jsonl"
    results: list[Result] = []
    servers = Servers()
    now = _now()
    began = time.monotonic()
    try:
        with path.open("w") as sink:
            for number in range(rounds):
                _measureRound(number, rows, args.clients, seconds, servers, now, results, sink)
                spent = time.monotonic() - began
                if args.quick and spent / (number + 1) * (number + 2) > QUICK_BUDGET:
                    break
    finally:
        servers.stop()
    print(f"\n{path}", file=sys.stderr)
    return results


def _measureRound(
    number: int,
    rows: list[Row],
    clients: tuple[str, ...],
    seconds: float,
    servers: Servers,
    now: Result,
    results: list[Result],
    sink: TextIO,
) -> None:
    for row in rows:
        # Who comes first has it a little different; let all come first.
        turned = clients[number % len(clients):] + clients[: number % len(clients)]
        for client in turned:
            if not row.measures(client):
                continue
            result = servers.run(row, client, seconds)
            result |= {"row": row.name, "client": client, "round": number, **now}
            results.append(result)
            sink.write(json.dumps(result) + "\n")
            sink.flush()
            _tell(result)


def _tell(result: Result) -> None:
    if "error" in result:
        text = result["error"]
    else:
        text = f"{result['cpu'] / result['n'] * 1e6:12,.2f} µs"
    print(f"{result['round'] + 1:3} {result['row']:16} {result['client']:16} {text}",
          file=sys.stderr, flush=True)


def _now() -> Result:
    """
    When this is, and of which code.
    """
    commit = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return {"date": f"{datetime.date.today():%d %B %Y}", "commit": commit or "unknown"}


def show(results: list[Result]) -> None:
    """
    The table, for whoever waits for it.
    """
    print()
    print(plain(lines(results)))
    print(f"\n{about(results)}")


def about(results: list[Result]) -> str:
    """
    The conditions of a run in a line or two.
    """
    rounds = 1 + max(result["round"] for result in results)
    versions: dict[str, str] = {}
    for result in results:
        versions |= result.get("versions", {})
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    when, commit = results[0].get("date", "some day"), results[0].get("commit", "unknown")
    return (
        f"{when}, commit {commit}; {rounds} round{'s' * (rounds > 1)}; µs of client CPU an event, "
        f"medians; ratios of pairs with bootstrap 95 % intervals.  {named}; "
        f"{platform.system()} {platform.machine()}."
    )


def keep(results: list[Result]) -> None:
    """
    Put table, plot and numbers into the documentation.
    """
    from plots import drawPeers

    DOCS.mkdir(parents=True, exist_ok=True)
    text = about(results)
    table = restructured(lines(results))
    (DOCS / "peers.rst").write_text(f"{text}\n\n{table}", "utf-8")
    drawPeers(results, DOCS / "peers.svg", text.partition(";")[0])
    print(f"written: {DOCS}/peers.rst, peers.svg", file=sys.stderr)


if __name__ == "__main__":
    if Path(sys.prefix).resolve() != PYTHON.parent.parent.resolve():
        sys.exit(f"run this by {PYTHON} (make bench)")
    main()
