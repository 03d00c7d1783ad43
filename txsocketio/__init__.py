"""
A Socket.IO client for Twisted.
"""

__version__ = "0.1.0"
