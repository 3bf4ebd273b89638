"""Any TXT record is one of SPF, DKIM or DMARC, or the reader's own error.

Run by ``make fuzz``, or with libFuzzer's own arguments: ``-max_total_time=60``.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mailseal"]):
    from mailseal.mailauth import dkim, dmarc, spf

SEEDS = (
    b"v=spf1 a/24//64 mx:mail.%{d2} ip4:192.0.2.0/24 ip6:2001:db8::/32 exists:%{i}.x.example -all",
    b"v=spf1 include:_spf.example.net redirect=_spf.example.com exp=why.%{d}",
    b"v=DMARC1; p=reject; sp=none; pct=50; rua=mailto:a@example.com!10m, mailto:b@example.com",
    b"v=DKIM1; k=ed25519; t=y:s; s=email:tlsrpt; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
)


def test_one_input(data: bytes) -> None:
    """Read one record in all three ways."""
    try:
        record = spf.parse_record(data)
    except spf.SpfSyntaxError as error:
        _check(str(error))
    else:
        assert record.default or record.redirect
    try:
        key = dkim.parse_key(data)
    except dkim.DkimSyntaxError as error:
        _check(str(error))
    else:
        assert key.bits >= 0
    try:
        wish = dmarc.parse_record(data)
    except dmarc.DmarcSyntaxError as error:
        _check(str(error))
    else:
        assert wish.policy in {"none", "quarantine", "reject"}


def _check(message: str) -> None:
    assert message.isascii()
    assert message.isprintable()


def main() -> None:
    """Try the seeds, then whatever libFuzzer makes up."""
    for seed in SEEDS:
        test_one_input(seed)
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
