"""The floor of Python: a uvloop server that is one dictionary, without limits, time or errors."""

import asyncio
import gc
import sys
from typing import cast

import uvloop

from bench.questions import framed_reply, framed_request

replies: dict[bytes, bytes] = {}


class Bare(asyncio.Protocol):
    """One look-up of the raw bytes, one write."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self.write = cast("asyncio.Transport", transport).write

    def data_received(self, data: bytes) -> None:
        """Answer what is known."""
        reply = replies.get(data)
        if reply is not None:
            self.write(reply)


async def serve(port: int, path: str) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Bare, "127.0.0.1", port, backlog=4096)]
    servers.append(await loop.create_unix_server(Bare, path, backlog=4096))
    gc.collect()
    gc.freeze()
    await servers[0].serve_forever()


def main() -> None:
    port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    replies.update((framed_request(number), framed_reply(number)) for number in range(count))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(port, path))


if __name__ == "__main__":
    main()
