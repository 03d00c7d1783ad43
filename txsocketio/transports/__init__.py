"""
Carriers of Engine.IO packets.  They know Twisted and know no Socket.IO.
"""
