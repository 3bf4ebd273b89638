"""What the answerer counts: plain integers, by names that the link carries."""


class Counters:
    """Plain integers, since a hit has no time for more; hits stand with their connections."""

    __slots__ = (
        "asked",
        "connections_accepted",
        "connections_refused",
        "hits_of_closed",
        "idle_closed",
        "late",
        "malformed",
        "no_lookup",
        "overloaded",
        "renewed",
        "resolver_starts",
        "slow_hits",
        "slow_readers_dropped",
        "unknown_map",
        "waited",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    asked: int
    connections_accepted: int
    connections_refused: int
    hits_of_closed: int
    idle_closed: int
    late: int
    malformed: int
    no_lookup: int
    overloaded: int
    renewed: int
    resolver_starts: int
    slow_hits: int
    slow_readers_dropped: int
    unknown_map: int
    waited: int
