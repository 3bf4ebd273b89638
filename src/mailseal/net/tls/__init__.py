"""What a TLS handshake showed, and what its certificates are worth, told after the handshake.

Whoever checks servers must see the bad certificates too, so the handshake itself believes
everything (``build_observing_context``); what came of it is read from the connection
(``read_tls``), and the chain is judged by itself against the authorities of this system
(``TrustStore``). Nothing that came over such a connection may be believed before that.
"""

from mailseal.net.tls.context import build_observing_context
from mailseal.net.tls.facts import MAX_CHAIN_BYTES, read_chain, read_tls
from mailseal.net.tls.trust import TrustStore, TrustStoreError

__all__ = [
    "MAX_CHAIN_BYTES",
    "TrustStore",
    "TrustStoreError",
    "build_observing_context",
    "read_chain",
    "read_tls",
]
