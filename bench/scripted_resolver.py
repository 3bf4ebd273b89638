"""A resolver that knows everything at once: it answers every question with a made-up policy."""

import os
import socket
import sys

from bench.questions import reply
from mailseal.wire import link, netstring


def main() -> None:
    os.nice(19)
    way = socket.socket(fileno=int(sys.argv[-1]))
    reader = netstring.Reader(link.MAX_MESSAGE_BYTES)
    while data := way.recv(1 << 18):
        reader.feed(data)
        answers = []
        while (payload := reader.next_payload()) is not None:
            message = link.decode(payload)
            if isinstance(message, link.StatsRequest):
                answers.append(netstring.encode(link.encode(link.Stats(counters=b"{}"))))
            if isinstance(message, link.Ask):
                put = link.Put(
                    zone=message.zone,
                    next_hop=message.next_hop,
                    fresh_for_ms=3_600_000,
                    usable_for_ms=86_400_000,
                    reply=reply(message.next_hop),
                )
                answers.append(netstring.encode(link.encode(put)))
        if answers:
            way.sendall(b"".join(answers))


if __name__ == "__main__":
    main()
