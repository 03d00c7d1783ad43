"""
Run one scenario with one Python client, and print what it cost as JSON.

    python run.py txsocketio inbound http://127.0.0.1:3000 '{"seconds": 1.0}'
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

RUNTIMES = {
    "txsocketio": "ontwisted",
    "python-socketio": "onasyncio",
    "bare Twisted": "ontwisted",
}

DEFAULTS = {
    "transports": "websocket",
    "namespace": "/",
    "listener": "plain",
    "shape": "small",
    "bytes": 0,
    "seconds": 1.0,
    "warm": 500,
    "most": 1_000_000,
    "batch": 100,
    "window": 100,
    "n": 20,
    "group": 20,
}


def main(client: str, scenario: str, url: str, given: str) -> None:
    # A runtime may install a reactor, so it comes before all that may want one.
    runtime = importlib.import_module(f"runtimes.{RUNTIMES[client]}")
    adapter = importlib.import_module(f"adapters.{_moduleOf(client)}")
    scenarios: Any = importlib.import_module("scenarios")
    args = SimpleNamespace(**DEFAULTS | json.loads(given), url=url)
    args.transports = None if args.transports == "default" else [args.transports]

    def build(namespace: str = args.namespace) -> Any:
        return adapter.Adapter(runtime, args, namespace)

    cost = runtime.run(getattr(scenarios, scenario), runtime, build, args)
    print(json.dumps(cost | {"versions": adapter.versions()}), flush=True)
    os._exit(0)  # thousands of idle clients need not say goodbye


def _moduleOf(client: str) -> str:
    return client.replace("-", "").replace(" ", "").lower()


if __name__ == "__main__":
    main(*sys.argv[1:])
