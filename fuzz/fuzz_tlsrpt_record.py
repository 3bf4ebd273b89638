"""Any TXT records are one wish for reports that reads back the same, or a RecordSyntaxError.

Run by ``make fuzz``, or with libFuzzer's own arguments: ``-max_total_time=60``.
A line feed in the input begins the next record, a null byte the next string.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.tlsrpt.record import MAX_URIS, parse_records, read_records
    from mailseal.txtrecords.reading import MAX_DEVIATIONS, RecordSyntaxError

SEEDS = (
    b"v=TLSRPTv1; rua=mailto:tls@example.com",
    b"v=spf1 -all\nv=TLSRPTv1; r\0ua=https://x.example:8443/a%2Cb?c=d , mailto:a@x.example!10m",
    b'"v=TLSRPTv1; rua=tls@example.com"\nv=TLSRPTv1\nv=TLSRPTv1 ;\trua=http://[::1]/',
)


def test_one_input(data: bytes) -> None:
    """Read one answer and hold the parser to its promises."""
    records = [record.split(b"\0") for record in data.split(b"\n")]
    reading = read_records(records)
    assert len(reading.deviations) <= MAX_DEVIATIONS
    messages = [one.message for one in reading.deviations]
    assert all(message.isascii() and message.isprintable() for message in messages)
    try:
        record = parse_records(records)
    except RecordSyntaxError:
        assert reading.record is None
        return
    assert reading.record == record
    assert parse_records([[str(record).encode()]]) == record
    assert 1 <= len(record.rua) <= MAX_URIS


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for seed in SEEDS:
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
