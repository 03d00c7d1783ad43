"""
The wire trace of one bot: every Engine.IO packet, both ways, as a log line.

A socket pays for being watched, so it is watched only while somebody wants
it; a trace follows its bot from one connection to the next.

Must not know: other bots, who switches it.
"""

from __future__ import annotations

from typing import Any

from txsocketio.bots.redaction import Redactor

__all__ = ["WireTrace"]

SHOWN = 200
"""Characters of a packet that are shown."""

LOOKED_AT = 16384
"""Characters of a packet in which secrets are looked for."""

_NOTES = ("upgrading", "upgrade", "upgradeError")


class WireTrace:
    """
    Watches one manager after the other, and one engine of it after the other.

    @ivar running: whether anything is logged.
    """

    running = False

    _manager: Any = None
    _engine: Any = None

    def __init__(self, log: Any, redact: Redactor) -> None:
        """
        @param log: the bot's logger.
        @param redact: hides the bot's secrets.
        """
        self._log = log
        self._redact = redact

    def follow(self, manager: Any) -> None:
        """
        Watch this manager from now on, whenever the trace is on; L{None}: none.
        """
        wasRunning = self.running
        self.stop()
        self._manager = manager
        if wasRunning:
            self.start()

    def start(self) -> None:
        """
        Log each packet from now on.
        """
        if not self.running:
            self.running = True
            if self._manager is not None:
                self._manager.on("engine", self._begin)
                self._begin(self._manager.engine)

    def stop(self) -> None:
        """
        Log no more.
        """
        if self.running:
            self.running = False
            self._leave()
            if self._manager is not None:
                self._manager.off("engine", self._begin)

    # inside

    def _listeners(self) -> dict[str, Any]:
        return {
            "packet": self._received,
            "packetCreate": self._sent,
            "close": self._closed,
            **{name: getattr(self, f"_{name}") for name in _NOTES},
        }

    def _begin(self, engine: Any) -> None:
        self._leave()
        self._engine = engine
        if engine is not None:
            for event, listener in self._listeners().items():
                engine.on(event, listener)

    def _leave(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            for event, listener in self._listeners().items():
                engine.off(event, listener)

    def _received(self, packet: Any) -> None:
        self._tell("<", packet.type, packet.data)

    def _sent(self, packet: Any) -> None:
        self._tell(">", packet.type, packet.data)

    def _upgrading(self, transport: Any) -> None:
        self._note("upgrading to", transport)

    def _upgrade(self, transport: Any) -> None:
        self._note("upgraded to", transport)

    def _upgradeError(self, error: Any) -> None:
        self._note("upgrade failed:", error)

    def _closed(self, reason: Any, details: Any) -> None:
        self._note("closed:", f"{reason} {details or ''}")

    def _note(self, what: str, detail: Any) -> None:
        detail = getattr(detail, "name", detail)
        self._log.info("= {what} {data}", what=what, data=self._show(str(detail)), trace="=")

    def _tell(self, way: str, kind: str, data: str | bytes) -> None:
        engine = self._engine
        carrier = getattr(engine.transport, "name", None)
        self._log.info(
            "{trace} {kind} {data}{more} by {carrier}",
            trace=way,
            kind=kind,
            data=self._show(data),
            more=f" ({len(data)} {'bytes' if isinstance(data, bytes) else 'characters'})",
            carrier=carrier,
            sid=engine.id,
        )

    def _show(self, data: str | bytes) -> str:
        head = data[:LOOKED_AT]
        # Bytes may hold texts, and texts secrets.
        text = head.decode("utf-8", "backslashreplace") if isinstance(head, bytes) else head
        shown = self._redact(text)
        if len(data) > LOOKED_AT:
            # What was cut there may have been the first half of a secret.
            shown = shown[: max(0, len(shown) - self._redact.longest)]
        return repr(shown[:SHOWN])[1:-1] + ("…" if len(shown) > SHOWN else "")
