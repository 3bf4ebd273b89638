"""The man in the middle who takes STARTTLS out of an honest server's answers.

Run as ``python -I interceptor.py ADDRESS=SERVER …``: it sits on port 25 of each
ADDRESS and passes everything to port 25 of SERVER and back, but for the EHLO
line that offers STARTTLS; a client that says STARTTLS anyway is told 502.
"""

import asyncio
import sys

MAX_LINE_BYTES = 65_536


async def main(pairs: list[str]) -> None:
    """Sit between until killed."""
    servers = []
    for pair in pairs:
        address, _, server = pair.partition("=")
        servers.append(await asyncio.start_server(_session(server), address, 25))
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _session(server: str):  # type: ignore[no-untyped-def]  # a closure asyncio knows how to call
    async def intercept(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection(server, 25, limit=MAX_LINE_BYTES)
        await asyncio.gather(
            _pass_commands(client_in, client_out, server_out),
            _pass_answers(server_in, client_out),
        )

    return intercept


async def _pass_commands(
    client_in: asyncio.StreamReader,
    client_out: asyncio.StreamWriter,
    server_out: asyncio.StreamWriter,
) -> None:
    try:
        while line := await client_in.readline():
            if line.strip().upper() == b"STARTTLS":
                client_out.write(b"502 5.5.1 Command not implemented\r\n")
            else:
                server_out.write(line)
                await server_out.drain()
    except ConnectionError:
        pass
    finally:
        server_out.close()


async def _pass_answers(server_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
    held = b""  # a line is held until it is known whether it is the last of its answer
    try:
        while line := await server_in.readline():
            if line[:3] == b"250" and line[4:].strip().upper() == b"STARTTLS":
                if line[3:4] == b"-":
                    continue
                line, held = held[:3] + b" " + held[4:], b""
            client_out.write(held)
            held = b""
            if line[:4] == b"250-":
                held = line
            else:
                client_out.write(line)
                await client_out.drain()
    except ConnectionError:
        pass
    finally:
        client_out.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
