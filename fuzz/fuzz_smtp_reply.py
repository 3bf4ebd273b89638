"""Any bytes of a mail server, however cut, give the same replies or a ReplySyntaxError.

Run by ``make fuzz``, or with libFuzzer's own arguments: ``fuzz_smtp_reply.py -max_total_time=60``.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.net.smtp.reply import (
        MAX_LINE_BYTES,
        MAX_REPLY_LINES,
        Reply,
        ReplyReader,
        ReplySyntaxError,
    )

SEEDS = (
    b"220 mx1.example.com ESMTP\r\n",
    b"250-mx1.example.com\r\n250-SIZE 10240000\r\n250 STARTTLS\r\n",
    b"421\n",
    b"250-a\r\n" * (MAX_REPLY_LINES + 1),
    b"220 " + b"a" * MAX_LINE_BYTES,
)


def read(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    """Return the replies of a stream and whether it broke."""
    reader, replies = ReplyReader(), []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (reply := reader.next_reply()) is not None:
                replies.append(reply)
        except ReplySyntaxError:
            return replies, True
    return replies, False


def test_one_input(data: bytes) -> None:
    """Read one stream whole, byte by byte and in threes."""
    replies, is_broken = read([data])
    assert (replies, is_broken) == read([data[i : i + 1] for i in range(len(data))])
    assert (replies, is_broken) == read([data[i : i + 3] for i in range(0, len(data), 3)])
    for reply in replies:
        assert len(reply.lines) <= MAX_REPLY_LINES
        assert str(reply).isprintable()


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for seed in SEEDS:
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
