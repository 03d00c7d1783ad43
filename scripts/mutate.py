"""
Break the code in small ways and see whether its tests notice.

Takes a sample of all small changes to a module (a comparison turned round, a
condition negated, a constant changed, a statement left out, ...), puts one at
a time in the module's place, and runs the unit tests of its group until one
fails; then, if none does, those of all groups.  No file is changed: the mutant
exists in the memory of a child process.  The same seed takes the same sample
of the same code.

    python scripts/mutate.py                        every module, 60 mutants each
    python scripts/mutate.py engine manager         these groups or modules
    python scripts/mutate.py --count 20 --seed 7    another sample
    python scripts/mutate.py --only engine.py:212   all mutants of one line
    python scripts/mutate.py --show engine.py:212   show them, run nothing
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "txsocketio"

ENGINE = ["test_engine.py", "test_engine_open.py", "test_engine_close.py",
          "test_engine_upgrade.py", "test_engine_heartbeat.py", "test_engine_observers.py",
          "test_heartbeat.py", "test_engine_properties.py"]  # fmt: skip
MANAGER = ["test_manager.py", "test_manager_reconnection.py", "test_reconnection.py",
           "test_tuning.py", "test_membership.py", "test_reading.py", "test_client.py",
           "test_slowness.py"]  # fmt: skip
SOCKET = ["test_membership.py", "test_sender.py", "test_socket_emit.py", "test_socket_receive.py",
          "test_outbox.py", "test_dispatch.py", "test_socket.py", "test_socket_session.py",
          "test_retries.py", "test_modifiers.py", "test_streams.py", "test_serial.py",
          "test_eventwaits.py", "test_slowness.py", "test_manager.py",
          "test_delivery_properties.py"]  # fmt: skip
PROPERTIES = "protocol/test_properties.py"

GROUPS: dict[str, dict[str, list[str]]] = {
    "protocol": {
        "protocol/engineio.py": ["protocol/test_engineio.py", PROPERTIES],
        "protocol/socketio.py": ["protocol/test_socketio.py", PROPERTIES],
        "protocol/url.py": ["protocol/test_url.py"],
        "protocol/backoff.py": ["protocol/test_backoff.py"],
    },
    "engine": {"engine.py": ENGINE},
    "manager": {"manager.py": MANAGER, "reconnection.py": MANAGER, "tuning.py": MANAGER},
    "socket": {
        f"{name}.py": SOCKET for name in ("membership", "sender", "outbox", "dispatch", "socket")
    },
}
"""
The groups, their modules, and the tests that shall notice.
"""

EVERYWHERE = sorted(
    {*ENGINE, *MANAGER, *SOCKET, "test_acks.py", "test_answers.py", "test_emitter.py"}
    | {"test_endpoints.py", "test_holding.py", "test_logs.py", "test_review.py", "test_service.py"}
    | {"test_sessions.py", "test_waiters.py"}
)
"""
Where a mutant must survive that has survived the tests of its group.
"""

MEMORY = 2 << 30
"""A mutant that never stops must not take the machine with it."""

PATIENCE = 3.0
"""How many times as long as the intact code's the tests of a mutant may take."""


# what can be broken


@dataclass(frozen=True)
class Mutant:
    """
    One change: which node of the module (in the order of C{ast.walk}), and
    which of the changes to it.
    """

    module: str
    node: int
    change: int
    line: int
    said: str
    tree: ast.Module = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.module}:{self.line}  {self.said}"

    def code(self) -> Any:
        tree = copy.deepcopy(self.tree)
        parents = _parents(tree)
        node = list(ast.walk(tree))[self.node]
        new = list(_changes(node, parents))[self.change]
        _replace(parents[node], node, new)
        return compile(ast.fix_missing_locations(tree), str(PACKAGE / self.module), "exec")


COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is], ast.In: [ast.NotIn], ast.NotIn: [ast.In],
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.Pow: ast.Mult,
}  # fmt: skip

Parents = dict[ast.AST, ast.AST]


def _parents(tree: ast.AST) -> Parents:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def _changes(node: ast.AST, parents: Parents) -> Iterator[ast.AST]:
    """
    The nodes that may stand in a node's place.
    """
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in COMPARISONS[type(node.ops[0])]:
            yield ast.Compare(node.left, [other()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for index in range(len(node.values)):
            rest = node.values[:index] + node.values[index + 1 :]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield node.operand
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in ARITHMETIC:
        other = copy.copy(node)
        other.op = ARITHMETIC[type(node.op)]()
        yield other
    elif isinstance(node, ast.Constant):
        yield from _otherConstants(node, parents)
    elif isinstance(node, (ast.If, ast.While)):
        yield from _negated(node)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, (ast.Expr, ast.Assign, ast.Raise, ast.Continue, ast.Break)):
        yield from _without(node, parents)
    elif isinstance(node, ast.Return):
        yield from _otherReturn(node)
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()


def _negated(node: ast.If | ast.While) -> Iterator[ast.AST]:
    test = node.test
    if isinstance(test, (ast.Name, ast.Attribute, ast.Call)):
        other = copy.copy(node)
        other.test = ast.UnaryOp(ast.Not(), test)
        yield other


def _otherConstants(node: ast.Constant, parents: Parents) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
        if value != 0:
            yield ast.Constant(type(value)(0))
    elif isinstance(value, (str, bytes)) and not isinstance(parents[node], ast.Expr):
        yield ast.Constant(value + ("XX" if isinstance(value, str) else b"XX"))


def _without(node: ast.stmt, parents: Parents) -> Iterator[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    inFunction = isinstance(node, ast.Expr | ast.Raise | ast.Continue | ast.Break)
    if isinstance(node, ast.Assign):
        # Elsewhere the name would be missing, which any import notices.
        inFunction = all(isinstance(target, (ast.Attribute, ast.Subscript))
                         for target in node.targets)  # fmt: skip
    if inFunction:
        yield ast.Pass()


def _otherReturn(node: ast.Return) -> Iterator[ast.AST]:
    value = node.value
    if value is None:
        yield ast.Pass()
    elif not (isinstance(value, ast.Constant) and value.value is None):
        yield ast.Return(ast.Constant(None))


def _leftAlone(node: ast.AST, parents: Parents) -> bool:
    """
    Annotations, docstrings, C{__all__}, C{__slots__}, logging, texts for
    people, and what only a type checker reads.
    """
    child = node
    while child in parents:
        parent = parents[child]
        if isinstance(parent, (ast.arg, ast.AnnAssign)) and child is parent.annotation:
            return True
        if isinstance(parent, ast.FunctionDef) and child in (parent.returns,):
            return True
        if isinstance(parent, (ast.FunctionDef, ast.ClassDef)) and child in parent.decorator_list:
            return True
        if isinstance(parent, ast.FunctionDef) and any(
            getattr(each, "id", "") == "overload" for each in parent.decorator_list
        ):
            return True
        if _onlyForPeople(child):
            return True
        child = parent
    return _onlyForPeople(child)


def _onlyForPeople(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return getattr(node.targets[0], "id", "") in ("__all__", "__slots__", "_log")
    if isinstance(node, ast.If):
        return getattr(node.test, "id", "") == "TYPE_CHECKING"
    if isinstance(node, (ast.Expr, ast.Call)):
        call = node.value if isinstance(node, ast.Expr) else node
        return isinstance(call, ast.Call) and "_log." in ast.unparse(call.func)
    if isinstance(node, ast.FunctionDef):
        return node.name == "__repr__"
    return isinstance(node, (ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom))


def _inComplaint(node: ast.AST, parents: Parents) -> bool:
    """
    Whether a text is part of what is raised.
    """
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.stmt):
            return False
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.endswith(("Error", "_refused", "CloseDetails")):
                return True
    return False


def mutantsOf(module: str) -> list[Mutant]:
    """
    All mutants of a module.
    """
    tree = ast.parse((PACKAGE / module).read_text())
    parents = _parents(tree)
    found = []
    for index, node in enumerate(ast.walk(tree)):
        if node is tree or not hasattr(node, "lineno") or _leftAlone(node, parents):
            continue
        text = isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
        if text and _inComplaint(node, parents):
            continue
        for number, new in enumerate(_changes(node, parents)):
            said = f"{_short(node)}  ->  {_short(new)}"
            found.append(Mutant(module, index, number, node.lineno, said, tree))
    return found


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).strip()
    first, _, rest = text.partition("\n")
    return (first[:70] + "...") if rest or len(first) > 70 else first


def _replace(parent: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for name, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, name, new)
        elif isinstance(value, list):
            value[:] = [new if each is old else each for each in value]


# running the tests of one mutant


class _InItsPlace(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """
    Imports a mutant where its module is asked for.
    """

    def __init__(self, mutant: Mutant) -> None:
        name = "txsocketio." + mutant.module.removesuffix(".py").replace("/", ".")
        self._name, self._code, self._path = name, mutant.code(), PACKAGE / mutant.module

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name == self._name:
            return importlib.util.spec_from_file_location(name, self._path, loader=self)
        return None

    def exec_module(self, module: Any) -> None:
        exec(self._code, module.__dict__)


def _warmUp() -> None:
    """
    Import what every child needs; not txsocketio, and no reactor.
    """
    import autobahn.twisted.websocket  # noqa: F401
    import automat  # noqa: F401
    import hypothesis
    import msgpack  # noqa: F401
    import orjson  # noqa: F401
    import pytest  # noqa: F401
    import treq  # noqa: F401

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutate", database=None, derandomize=True, deadline=None, phases=phases
    )
    hypothesis.settings.load_profile("mutate")


def _child(mutant: Mutant | None, tests: Sequence[str], report: Path) -> None:
    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    out = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = mutant is not None
    if mutant is not None:
        sys.meta_path.insert(0, _InItsPlace(mutant))
    import pytest

    arguments = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--no-node"]
    code = pytest.main([*arguments, *(f"tests/{each}" for each in tests)])
    sys.stdout.flush()
    os._exit(int(code))


@dataclass
class Run:
    """
    The tests of one mutant, under way or done.
    """

    mutant: Mutant | None
    pid: int
    report: Path
    began: float
    outcome: str = ""
    seconds: float = 0.0

    @property
    def survived(self) -> bool:
        return self.outcome == "survived"

    def poll(self, limit: float) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        self.seconds = time.monotonic() - self.began
        if pid:
            self.outcome = "survived" if status == 0 else f"killed by {self._killer()}"
        elif self.seconds > limit:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.outcome = "killed by the time limit"
        return bool(self.outcome)

    def _killer(self) -> str:
        text = self.report.read_text(errors="replace")
        lines = [line for line in text.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return lines[0].split(" - ")[0].split(" ", 1)[1][:120] if lines else "a crash"


def start(mutant: Mutant | None, tests: Sequence[str], folder: Path, number: int) -> Run:
    report = folder / str(number)
    pid = os.fork()
    if not pid:
        try:
            _child(mutant, tests, report)
        finally:
            os._exit(99)
    return Run(mutant, pid, report, time.monotonic())


_intact: dict[tuple[str, ...], float] = {}


def intact(tests: Sequence[str], folder: Path) -> float:
    """
    How long the tests take of the code as it is.
    """
    if tuple(tests) not in _intact:
        _intact[tuple(tests)] = _measure(tests, folder)
    return _intact[tuple(tests)]


def _measure(tests: Sequence[str], folder: Path) -> float:
    run = start(None, tests, folder, 0)
    while not run.poll(600.0):
        time.sleep(0.05)
    if run.outcome != "survived":
        sys.exit(f"the tests fail without any mutant:\n{run.report.read_text()[-3000:]}")
    return run.seconds


def runAll(chosen: list[Mutant], tests: Sequence[str], processes: int, verbose: bool) -> list[Run]:
    """
    Run the tests of each mutant.
    """
    runs = _stage(chosen, tests, processes)
    left = [run.mutant for run in runs if run.survived]
    if left:
        again = {run.mutant: run for run in _stage(left, EVERYWHERE, processes)}
        runs = [again.get(run.mutant, run) for run in runs]
    for run in runs:
        if verbose or run.survived:
            print(f"  {run.mutant}\n      {run.outcome}", flush=True)
    return runs


def _stage(chosen: list[Any], tests: Sequence[str], processes: int) -> list[Run]:
    waiting, under, done = list(enumerate(chosen, 1)), [], []
    with tempfile.TemporaryDirectory() as name:
        limit = PATIENCE * intact(tests, Path(name)) + 10.0
        while waiting or under:
            while waiting and len(under) < processes:
                number, mutant = waiting.pop(0)
                under.append(start(mutant, tests, Path(name), number))
            time.sleep(0.02)
            for run in [each for each in under if each.poll(limit)]:
                under.remove(run)
                done.append(run)
    return done


# choosing, and telling


def _sample(module: str, seed: int, count: int) -> list[Mutant]:
    every = mutantsOf(module)
    return random.Random(f"{seed}:{module}").sample(every, min(count, len(every)))


def _chosenModules(names: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    return [
        (group, module, tests)
        for group, modules in GROUPS.items()
        for module, tests in modules.items()
        if not names or group in names or module in names
    ]


def _atLine(where: str) -> tuple[str, list[str], list[Mutant]]:
    module, _, line = where.partition(":")
    tests = next(its[module] for its in GROUPS.values() if module in its)
    return module, tests, [each for each in mutantsOf(module) if each.line == int(line)]


def _runLine(where: str, show: bool, processes: int) -> int:
    _, tests, chosen = _atLine(where)
    if show:
        print(*chosen, sep="\n")
        return 0
    runs = runAll(chosen, tests, processes, True)
    return int(any(run.survived for run in runs))


def main() -> int:
    """
    Run, and print killed and survivors a module and a group.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("names", nargs="*", help="groups or modules; all by default")
    parser.add_argument("--count", type=int, default=60, help="mutants a module (60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="tell of killed ones too")
    parser.add_argument("--only", metavar="MODULE:LINE")
    parser.add_argument("--show", metavar="MODULE:LINE")
    options = parser.parse_args()
    os.chdir(ROOT)
    if options.only or options.show:
        if not options.show:
            _warmUp()
        return _runLine(options.only or options.show, bool(options.show), options.processes)
    _warmUp()
    totals: dict[str, list[int]] = {}
    for group, module, tests in _chosenModules(options.names):
        chosen = _sample(module, options.seed, options.count)
        print(f"{module}: {len(chosen)} of {len(mutantsOf(module))} mutants", flush=True)
        runs = runAll(chosen, tests, options.processes, options.verbose)
        killed = sum(not run.survived for run in runs)
        print(f"{module}: {killed} of {len(runs)} killed", flush=True)
        total = totals.setdefault(group, [0, 0])
        total[0] += killed
        total[1] += len(runs)
    for group, (killed, count) in totals.items():
        print(f"{group}: {killed} of {count} killed, {100 * killed / count:.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
