"""Any bytes, however cut, give the same payloads or a NetstringError, and the limit holds.

Run by ``make fuzz``, or with libFuzzer's own arguments: ``fuzz_netstring.py -max_total_time=60``.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.wire.netstring import NetstringError, Reader, encode

LIMIT_BYTES = 200
SEEDS = (
    b"19:postfix example.com,",
    b"3:abc,0:,3:abc,",
    b"03:abc,",
    b"201:",
    b"999999999:",
    b"12",
)


def read(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """Return the payloads of a stream and whether it broke."""
    reader, payloads = Reader(LIMIT_BYTES), []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (payload := reader.next_payload()) is not None:
                payloads.append(payload)
        except NetstringError:
            return payloads, True
    return payloads, False


def test_one_input(data: bytes) -> None:
    """Read one stream whole, byte by byte and in threes."""
    payloads, is_broken = read([data])
    assert (payloads, is_broken) == read([data[i : i + 1] for i in range(len(data))])
    assert (payloads, is_broken) == read([data[i : i + 3] for i in range(0, len(data), 3)])
    assert all(len(payload) <= LIMIT_BYTES for payload in payloads)
    assert data.startswith(b"".join(map(encode, payloads)))


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for seed in SEEDS:
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
