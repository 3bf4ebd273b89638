"""Any TXT records are one record that renders and reads back the same, or a RecordSyntaxError.

Run by ``make fuzz``, or with libFuzzer's own arguments: ``fuzz_record.py -max_total_time=60``.
A line feed in the input begins the next record, a null byte the next string.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.mtasts.record import parse_records, read_records
    from mailseal.txtrecords.reading import MAX_DEVIATIONS, RecordSyntaxError

SEEDS = (
    b"v=STSv1; id=20260301T120000;",
    b"v=spf1 -all\nv=STSv1; i\0d=1; x=y; id=2",
    b'"v=STSv1; id=1"\nv=STSv1\nv=STSv1 ;\tid=a-b',
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
    assert 1 <= len(record.id) <= 32


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for seed in SEEDS:
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
