"""
What users' functions return: a value, a Deferred, or a coroutine.

A coroutine that ends without having waited for anything, as most listeners
do, costs no Deferred.  As C{Deferred.fromCoroutine} does, each runs in a copy
of the present context (PEP 567).

Must not know: listeners, events.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

__all__ = ["asDeferred", "unfinished"]

_COROUTINES = (CoroutineType, Coroutine)
# The first is the quick answer; compiled code has coroutines of its own kinds.


def asDeferred(result: object) -> Deferred[Any] | None:
    """
    Take what a user's function returned as a Deferred, if it is to be waited
    for: a Deferred, or a coroutine, which is started.
    """
    if isinstance(result, Deferred):
        return result
    if isinstance(result, _COROUTINES):
        try:
            return _start(result)
        except StopIteration as end:
            return succeed(end.value)
    return None


def unfinished(result: object) -> Deferred[Any] | None:
    """
    As L{asDeferred}, for those who only care whether it fails: L{None} also
    for a coroutine that is done.
    """
    if isinstance(result, Deferred):
        return result
    if isinstance(result, _COROUTINES):
        try:
            return _start(result)
        except StopIteration:
            return None
    return None


def _start(coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """
    Run a coroutine until it waits.

    @raise StopIteration: it is done.
    """
    context = copy_context()
    try:
        awaited = context.run(coroutine.send, None)
    except StopIteration:
        raise
    except BaseException:
        return fail()
    return Deferred.fromCoroutine(_goOn(coroutine, awaited, context))


def _goOn(
    coroutine: Coroutine[Any, Any, Any], awaited: Any, context: Context
) -> Generator[Any, Any, Any]:
    """
    The rest of a coroutine, which waits for C{awaited}.

    @param context: where it began; a copy would not do, since what a context
        variable was before can only be put back where it was changed.
    """
    try:
        while True:
            try:
                value = yield awaited
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:
                awaited = context.run(coroutine.throw, error)
            else:
                awaited = context.run(coroutine.send, value)
    except StopIteration as end:
        return end.value
