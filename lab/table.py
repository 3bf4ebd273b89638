"""The table of the lab's domains, as ``lab/README.md`` shows it."""

from collections.abc import Iterator

from lab.catalogue import catalogue
from lab.model import LabDomain, ZoneState

BEGIN = '<!-- "python -m lab table" writes this table -->'
END = "<!-- end of the table -->"


def render_table() -> str:
    """Render the catalogue as a Markdown table."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield "| domain | DNS | MX hosts | what it shows |"
    yield "|---|---|---|---|"
    for domain in catalogue():
        zone = domain.zone.name.lower()
        yield f"| `{domain.name}` | {zone} | {_hosts(domain)} | {domain.shows} |"


def _hosts(domain: LabDomain) -> str:
    if domain.zone in (ZoneState.ABSENT, ZoneState.FAILING, ZoneState.SILENT):
        return "–"
    records = [record.data for record in domain.more if record.rdtype == "MX"]
    return ", ".join([f"`{host.name}`" for host in domain.mx] + [f"`{data}`" for data in records])
