"""The table of finished replies: whole raw request to whole raw reply, bounded in two ways."""

from itertools import islice

from mailseal.names import NextHop, parse_next_hop
from mailseal.wire import netstring, socketmap

# (framed reply, fresh until, usable until), the times by the monotonic clock. Plain tuples of
# bytes and floats: the garbage collector stops looking at them, and a hit creates nothing.
Entry = tuple[bytes, float, float]

ENTRY_OVERHEAD_BYTES = 260  # measured: objects' heads, two floats, the dictionary's slot


def raw_request(zone: str, next_hop: str) -> bytes:
    """Return the bytes that a client sends for this question when it writes it canonically."""
    return netstring.encode(socketmap.render_request(zone, next_hop))


class Table:
    """Keeps replies by the request's bytes; the longest ago put is forgotten first.

    ``entries`` is the dictionary itself, always the same one: connections keep its ``get``.
    """

    __slots__ = (
        "_max_bytes",
        "_max_entries",
        "_other_forms",
        "_used_bytes",
        "_zones",
        "entries",
        "evictions",
    )

    def __init__(self, *, zones: tuple[str, ...], max_entries: int, max_bytes: int) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.evictions = 0
        self._zones = zones
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._used_bytes = 0
        # Next hops that are not simply their policy domain, such as "[host]:587": without
        # these, forgetting a domain would mean to search the whole table.
        self._other_forms: dict[str, set[str]] = {}

    @property
    def used_bytes(self) -> int:
        """About how much memory the entries take."""
        return self._used_bytes

    def put(
        self,
        zone: str,
        next_hop: str,
        *,
        reply: bytes,
        fresh_until: float,
        usable_until: float,
    ) -> None:
        """Keep a framed reply; it counts as the youngest, whether it was there or not."""
        raw = raw_request(zone, next_hop)
        self._remove(raw)
        self.entries[raw] = (reply, fresh_until, usable_until)
        self._used_bytes += len(raw) + len(reply) + ENTRY_OVERHEAD_BYTES
        if _is_other_form(next_hop):
            hop = parse_next_hop(next_hop)
            if isinstance(hop, NextHop):
                self._other_forms.setdefault(hop.domain, set()).add(next_hop)
        self._fit()

    def renew_later(self, raw: bytes, *, fresh_until: float) -> None:
        """Let an entry pass as fresh for a while, so that it is not asked for by every hit."""
        reply, _, usable_until = self.entries[raw]
        self.entries[raw] = (reply, min(fresh_until, usable_until), usable_until)

    def reconfigure(
        self, *, zones: tuple[str, ...], max_entries: int, max_bytes: int, forget: set[str]
    ) -> None:
        """Work by other bounds and zones; forget all answers of the zones named."""
        if forget.issuperset(self._zones):
            self.entries.clear()
            self._other_forms.clear()
            self._used_bytes = 0
        elif forget:
            for raw in [raw for raw in self.entries if _zone_of(raw) in forget]:
                self._remove(raw)
                self._forget_form(raw)
        self._zones = zones
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._fit()

    def drop(self, domain: str) -> int:
        """Forget every answer about a policy domain; return how many there were."""
        before = len(self.entries)
        for next_hop in (domain, *self._other_forms.pop(domain, ())):
            for zone in self._zones:
                self._remove(raw_request(zone, next_hop))
        return before - len(self.entries)

    def _remove(self, raw: bytes) -> None:
        entry = self.entries.pop(raw, None)
        if entry is not None:
            self._used_bytes -= len(raw) + len(entry[0]) + ENTRY_OVERHEAD_BYTES

    def _fit(self) -> None:
        while len(self.entries) > self._max_entries or self._used_bytes > self._max_bytes:
            self._evict()

    def _evict(self) -> None:
        # A dictionary keeps the holes at its beginning for a while, and finding the first
        # entry behind them takes time: so some are taken at once, by how many there are. Where
        # long replies fill the memory there may be few, and the youngest is to stay.
        for raw in list(islice(self.entries, 1 + len(self.entries) // 256)):
            self._remove(raw)
            self.evictions += 1
            self._forget_form(raw)

    def _forget_form(self, raw: bytes) -> None:
        next_hop = raw[raw.index(b" ") + 1 : -1].decode("ascii")
        if not _is_other_form(next_hop) or any(
            raw_request(zone, next_hop) in self.entries for zone in self._zones
        ):
            return
        hop = parse_next_hop(next_hop)
        if isinstance(hop, NextHop) and (forms := self._other_forms.get(hop.domain)):
            forms.discard(next_hop)
            if not forms:
                del self._other_forms[hop.domain]


def _zone_of(raw: bytes) -> str:
    return raw[raw.index(b":") + 1 : raw.index(b" ")].decode("ascii")


def _is_other_form(next_hop: str) -> bool:
    return "[" in next_hop or ":" in next_hop
