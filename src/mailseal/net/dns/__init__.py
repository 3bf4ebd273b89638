"""A stub resolver that keeps what DANE needs: the AD flag, the TTL and every kind of failure.

It asks recursive resolvers only, over datagrams with TCP behind them. "No such record" and
"could not find out" are different values, and so are forged data and a broken server. AD is
believed from loopback and from resolvers that were named trusted, since everybody on the way
from another one could have set it (RFC 7672 §2.1.1).
"""

from mailseal.net.dns.address import ResolverAddress, ResolverAddressError
from mailseal.net.dns.resolver import NoResolverError, Resolver

__all__ = ["NoResolverError", "Resolver", "ResolverAddress", "ResolverAddressError"]
