"""What the configuration leaves to the machine: the resolvers of /etc/resolv.conf."""

from pathlib import Path

from mailseal.config.kinds import DNS_PORT, RefusedValueError, TcpAddress, resolver_address

RESOLV_CONF = Path("/etc/resolv.conf")
MAX_NAMESERVERS = 3  # MAXNS, resolv.conf(5): the C library ignores further ones too
MAX_RESOLV_CONF_BYTES = 64 * 1024  # ours: such files have some hundred bytes


def system_resolvers(path: Path = RESOLV_CONF) -> tuple[TcpAddress, ...]:
    """Return the machine's resolvers; 127.0.0.1 when it names none (resolv.conf(5))."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_RESOLV_CONF_BYTES).decode("ascii", "replace")
    except OSError:
        text = ""
    return parse_resolv_conf(text) or (TcpAddress(host="127.0.0.1", port=DNS_PORT),)


def parse_resolv_conf(text: str) -> tuple[TcpAddress, ...]:
    """Read the ``nameserver`` lines; what cannot be an address is passed over."""
    found: list[TcpAddress] = []
    for line in text.split("\n"):
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            address = resolver_address().read(words[1])
        except RefusedValueError:
            continue
        if address not in found:
            found.append(address)
    return tuple(found[:MAX_NAMESERVERS])
