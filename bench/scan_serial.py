"""The same corpus by checkdmarc's own loop, one domain after another.

Run by the interpreter of checkdmarc's own environment: ``scan_serial.py RESOLVER DOMAIN...``. It
prints the seconds that the loop took, without those for its start, and how many domains have a
valid policy.
"""

import json
import sys
import time

import checkdmarc  # type: ignore[import-not-found]  # it has an environment of its own


def main() -> None:
    """Check every domain, with TLS of its mail servers, and make sure that it was seen well."""
    resolver, *domains = sys.argv[1:]
    began = time.monotonic()
    results = checkdmarc.check_domains(
        domains, check_mx_tls=True, bimi_selector=None, nameservers=[resolver]
    )
    seconds = time.monotonic() - began
    for result in results:
        if not result["mx"]["hosts"][0]["starttls"]:
            raise SystemExit(f"checkdmarc did not see {json.dumps(result, default=str)[:2000]}")
    print(seconds, sum(bool(result["mta_sts"]["valid"]) for result in results))


if __name__ == "__main__":
    main()
