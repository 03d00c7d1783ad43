"""
Bots: configured clients, and the daemon C{twistd sioclient} that runs them.

Read in this order: C{bot} (what an author writes), C{config} (what an operator
writes), C{loader} (from the one to the other), C{runner} (one bot's life),
C{tap} (the command).  Bots use the client by its public names only.
"""
