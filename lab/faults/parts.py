"""What domains with a fault are made of: all but the fault itself is well."""

from typing import Any

from lab.model import STS_RECORD, LabDomain, PolicyHost, Record, policy_text
from lab.zones import quote_txt

SHARED_HOST = "mx.good.test"  # most of these domains have their mail hosted there


def hosted(label: str, shows: str, **more: Any) -> LabDomain:
    """Declare a domain whose mail goes to the host of ``good.test``, by an enforce policy."""
    name = f"{label}.test"
    settings: dict[str, Any] = {
        "sts_records": (STS_RECORD,),
        "policy_host": PolicyHost(body=policy_text("enforce", SHARED_HOST)),
        **more,
    }
    settings["more"] = (*mx_records(name, f"10 {SHARED_HOST}."), *settings.get("more", ()))
    return LabDomain(name=name, shows=shows, **settings)


def mx_records(domain: str, *data: str) -> tuple[Record, ...]:
    """Declare MX records of any form."""
    return tuple(Record(name=domain, rdtype="MX", data=each) for each in data)


def text(name: str, *strings: str) -> Record:
    """Declare a TXT record of these strings."""
    return Record(name=name, rdtype="TXT", data=" ".join(map(quote_txt, strings)))
