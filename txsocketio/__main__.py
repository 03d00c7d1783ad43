"""
C{python -m txsocketio}, which is C{sioclient} as well: one-shot commands.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """
    Run the command that the command line says.

    @return: the exit status.
    """
    from txsocketio.commands.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
