"""
The one-shot command line: C{python -m txsocketio listen|emit|call|probe|ctl}.

Must not know: the daemon.  It shares with a bots file how options and secrets
are written, and with nothing else there.
"""
