"""Any request gets one reply within Postfix' limits, and any text renders as the known words.

Run by ``make fuzz``, or with libFuzzer's own arguments: ``fuzz_socketmap.py -max_total_time=60``.
"""

import re
import sys
from datetime import timedelta

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal import decision
    from mailseal.mtasts.pattern import MxPattern
    from mailseal.mtasts.policy import Mode, Policy
    from mailseal.names import Domain, NextHop, parse_next_hop
    from mailseal.wire import link, postfix, socketmap

SEEDS = (
    b"postfix example.com",
    b"postfix [example.com]:587",
    "postfix B\u00fccher.example.".encode(),
    b"postfix a.example servername=x\n*.b.example\nx: } none {",
    b"put 1 2 postfix example.com OK secure",
)
ANSWER = re.compile(
    r"secure match=[a-z0-9_.:-]+ servername=hostname"
    r"( policy_type=sts policy_domain=example\.com"
    r"( mx_host_pattern=(\*\.)?[a-z0-9_.-]+)*( \{ policy_string = [ -z|~]+ \})*)?"
)


def test_one_input(data: bytes) -> None:
    """Take the bytes for a request, a message of the link, and a policy's names and lines."""
    try:
        request = socketmap.parse_request(data)
    except socketmap.RequestSyntaxError:
        pass
    else:
        hop = parse_next_hop(request.key)
        if isinstance(hop, NextHop):
            assert parse_next_hop(str(hop)) == hop
    try:
        message = link.decode(data)
    except link.LinkError:
        pass
    else:
        assert link.encode(message) == data
    _render(data.decode("utf-8", "replace").split("\n"))


def _render(lines: list[str]) -> None:
    policy = Policy(
        mode=Mode.ENFORCE,
        max_age=timedelta(days=1),
        mx=tuple(MxPattern(line) for line in lines),
        lines=tuple(lines),
    )
    enforced = decision.StsEnforced(domain=Domain("example.com"), policy=policy)
    for with_tlsrpt in (False, True):
        reply = postfix.render(enforced, with_tlsrpt=with_tlsrpt)
        assert len(reply) <= socketmap.MAX_REPLY_BYTES
        if not reply.startswith(b"TEMP "):
            assert ANSWER.fullmatch(reply.decode("ascii").removeprefix("OK ")), reply


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for seed in SEEDS:
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
