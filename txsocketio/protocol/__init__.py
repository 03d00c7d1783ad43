"""
What the two specifications say, as plain values and functions.

The law of this folder: no Twisted, no zope, no I/O, no clock, and no
randomness that was not handed in.
"""
