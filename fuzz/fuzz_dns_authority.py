"""Any bytes behind a true question are texts and a date, or our own error with half a sentence.

Run by ``make fuzz``, or with libFuzzer's own arguments:
``fuzz_dns_authority.py -max_total_time=60``. The first byte of the input chooses the type.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.answers import RdType
    from mailseal.net.dns.authority import MAX_TEXT_CHARS, MAX_TEXTS, read_direct
    from mailseal.net.dns.question import Question, is_reply, make_question
    from mailseal.net.dns.wire import WireError

TYPES = tuple(RdType)
SEEDS = (
    # A serial number; NSEC3PARAM; a TXT record with a signature beside it, cut short; a denial.
    (
        RdType.SOA,
        b"\x84\0\0\1\0\0\0\0\xc0\x0c\0\6\0\1\0\0\0<\0\x18\xc0\x0c\xc0\x0c" + bytes(20),
    ),
    (RdType.NSEC3PARAM, b"\x84\0\0\1\0\0\0\0\xc0\x0c\0\x33\0\1\0\0\0<\0\5\1\0\0\x0a\0"),
    (
        RdType.TXT,
        b"\x84\0\0\2\0\0\0\0\xc0\x0c\0\x10\0\1\0\0\0<\0\4\3abc"
        b"\xc0\x0c\0\x2e\0\1\0\0\0<\0\x14" + bytes(20),
    ),
    (RdType.TLSA, b"\x84\3\0\0\0\0\0\0"),
)


def test_one_input(data: bytes) -> None:
    """Read one answer and hold the reader to its promises."""
    question = make_question("a.example", TYPES[data[0] % len(TYPES)] if data else RdType.A)
    assert isinstance(question, Question)
    flags_and_counts, records = data[1:9].ljust(8, b"\0"), data[9:]
    wire = b"\0\7" + flags_and_counts[:2] + b"\0\1" + flags_and_counts[2:] + question.wire + records
    if not is_reply(wire, question, 7):
        return
    try:
        texts, _ = read_direct(wire, question)
    except WireError:
        return
    assert len(texts) <= MAX_TEXTS
    assert all(len(text) <= MAX_TEXT_CHARS and text.isprintable() for text in texts)


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for rdtype, seed in SEEDS:
        test_one_input(bytes((TYPES.index(rdtype),)) + seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
