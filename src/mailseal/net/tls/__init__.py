"""What a TLS handshake showed, and what its certificates are worth, told after the handshake.

Whoever checks servers must see the bad certificates too, so the handshake itself believes
everything (``context``); what came of it is read from the connection (``facts``), and the chain
is judged by itself against the authorities of this system (``trust``). Nothing that came over
such a connection may be believed before that.

Nothing is exported here: who fetches a policy as a sender does wants ``words`` alone.
"""
