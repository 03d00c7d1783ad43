"""
Drives a scenario by asyncio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any


class Event:
    """
    Something awaited once; set from a plain function.
    """

    def __init__(self) -> None:
        self._future = asyncio.get_running_loop().create_future()

    def set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def __await__(self) -> Any:
        return self._future.__await__()


def run(scenario: Callable[..., Any], *args: Any) -> Any:
    return asyncio.run(scenario(*args))


def turn() -> Awaitable[None]:
    return asyncio.sleep(0)


sleep = asyncio.sleep


async def together(coroutines: Iterable[Any]) -> None:
    await asyncio.gather(*coroutines)
