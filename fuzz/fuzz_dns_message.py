"""Any bytes behind a true question are a value, with a printable reason where it is a failure.

Run by ``make fuzz``, or with libFuzzer's own arguments:
``fuzz_dns_message.py -max_total_time=60``. The first byte of the input chooses the type.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.answers import Found, LookupFailed, RdType
    from mailseal.net.dns.question import HEADER, Question, is_reply, make_question
    from mailseal.net.dns.reply import MAX_RECORDS, read_reply

TYPES = tuple(RdType)
SEEDS = (
    # One address; an alias with a pointer; NODATA with an SOA; a TXT record; two EDNS errors.
    (RdType.A, b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0<\0\4\xc0\0\2\1"),
    (RdType.A, b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\5\0\1\0\0\0<\0\4\1b\xc0\x0e"),
    (
        RdType.MX,
        b"\x81\x80\0\0\0\1\0\0\xc0\x0e\0\6\0\1\0\0\0<\0\x18\xc0\x0c\xc0\x0c" + bytes(20),
    ),
    (RdType.TXT, b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\x10\0\1\0\0\0<\0\4\3abc"),
    (RdType.MX, b"\x81\x82\0\0\0\0\0\1\0\0\x29\4\xd0\0\0\0\0\0\6\0\x0f\0\2\0\6"),
    # A name server, a CAA record, a DS and a DNSKEY, both with a digest or key of a few bytes.
    (RdType.NS, b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\2\0\1\0\0\0<\0\4\1b\xc0\x0e"),
    (RdType.CAA, b"\x81\x80\0\1\0\0\0\0\xc0\x0c\1\1\0\1\0\0\0<\0\x09\x80\5issueca"),
    (RdType.DS, b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\x2b\0\1\0\0\0<\0\x06\1\2\x0d\2ab"),
    (RdType.DNSKEY, b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\x30\0\1\0\0\0<\0\x06\1\1\3\x0dab"),
)


def test_one_input(data: bytes) -> None:
    """Read one reply and hold the reader to its promises."""
    question = make_question("a.example", TYPES[data[0] % len(TYPES)] if data else RdType.A)
    assert isinstance(question, Question)
    flags_and_counts, records = data[1:9].ljust(8, b"\0"), data[9:]
    wire = b"\0\7" + flags_and_counts[:2] + b"\0\1" + flags_and_counts[2:] + question.wire + records
    assert len(wire) >= HEADER.size
    if not is_reply(wire, question, 7):
        return
    reply = read_reply(wire, question, is_trusted=True)
    if isinstance(reply, LookupFailed):
        assert reply.reason.isascii()
        assert reply.reason.isprintable()
    if isinstance(reply, Found):
        assert 0 < len(reply.records) <= MAX_RECORDS


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for rdtype, seed in SEEDS:
        test_one_input(bytes((TYPES.index(rdtype),)) + seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
