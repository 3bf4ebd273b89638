"""Where a resolver listens, and whether its AD flag may be believed (RFC 7672 §2.1.1)."""

import ipaddress
from dataclasses import dataclass

import mailseal

DNS_PORT = 53


class ResolverAddressError(mailseal.Error):
    """A text is not the address of a resolver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverAddress:
    """A resolver: an IP address and a port.

    ``trust_ad`` says that it validates and that the way to it is safe from others; without
    that, its AD flag counts only on loopback.
    """

    host: str
    port: int = DNS_PORT
    trust_ad: bool = False

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_address(self.host)
        except ValueError as error:
            raise ResolverAddressError(
                f"resolver {self.host[:70]!r} is not an IP address; its name cannot be looked up"
            ) from error
        if not 0 < self.port < 65536:
            raise ResolverAddressError(f"resolver port is {self.port}, expected 1 to 65535")

    @property
    def is_trusted(self) -> bool:
        """Tell whether the AD flag of this resolver's answers is believed."""
        return self.trust_ad or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
