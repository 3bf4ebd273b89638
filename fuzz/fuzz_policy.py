"""Any bytes are a policy that renders and reads back the same, or a PolicySyntaxError.

Run by ``make fuzz``, or with libFuzzer's own arguments: ``fuzz_policy.py -max_total_time=60``.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.mtasts.advice import advise
    from mailseal.mtasts.policy import (
        MAX_DEVIATIONS,
        PolicySyntaxError,
        parse_policy,
        read_policy,
        render_policy,
    )

SEEDS = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmax_age: 604800\r\n",
    b"version: STSv1\nmode: testing\nmx: *.example.net.\nmx: 192.0.2.1\nmax_age: 9999999999\n\n",
    b"max_age: 1\nmode: none\nnote: \xc3\xbc\nversion: STSv1",
    b"---\nlayout: none\n---\nversion: STSv1\nmode: enforced\nmx:\n - a.example\n",
)


def test_one_input(data: bytes) -> None:
    """Read one body and hold the parser to its promises."""
    reading = read_policy(data)
    assert len(reading.deviations) <= MAX_DEVIATIONS
    shown = [one.message for one in reading.deviations]
    try:
        policy = parse_policy(data)
    except PolicySyntaxError:
        assert reading.policy is None
    else:
        assert reading.policy == policy
        assert parse_policy(render_policy(policy)) == policy
        shown += [one.message for one in advise(data, policy)]
    assert all(message.isascii() and message.isprintable() for message in shown)


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for seed in SEEDS:
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
