"""Checks many domains at once, inside the lab; run as ``examiner.py CONFIG FOLDER [traced]``.

Standard input is a JSON object of domains, each with whether it is looked at deeply. The evidence
of each goes to a file of the folder; standard output is one JSON object: the seconds it took, the
seconds for each domain, what each was found to have, and the memory it took at the most.
"""

import asyncio
import json
import resource
import sys
import time
import tracemalloc
from pathlib import Path

from mailseal import config as configuration
from mailseal import wiring
from mailseal.checks.judge import judge
from mailseal.checks.saved import write_evidence
from mailseal.faces.policyd.eventloop import new_event_loop
from mailseal.names import Domain
from mailseal.services.checker import Checker


async def examine(config_file: Path, folder: Path, domains: dict[str, bool]) -> dict[str, object]:
    """Look at all of them at the same time, with one checker."""
    codes: dict[str, list[str]] = {}
    seconds: dict[str, float] = {}

    async def look_at(checker: Checker, name: str, *, is_deep: bool) -> None:
        began = time.monotonic()
        evidence = await checker.gather(Domain(name), is_deep=is_deep)
        seconds[name] = round(time.monotonic() - began, 2)
        (folder / name).write_bytes(write_evidence(evidence))
        codes[name] = [f"{one.severity} {one.code}" for one in judge(evidence).findings]

    began = time.monotonic()
    config = configuration.load(config_file)
    async with wiring.open_checker(config) as checker, asyncio.TaskGroup() as tasks:
        for name, is_deep in domains.items():
            tasks.create_task(look_at(checker, name, is_deep=is_deep))
    return {"all_seconds": time.monotonic() - began, "seconds": seconds, "codes": codes}


def main() -> None:
    """Do it and say what it took."""
    if "traced" in sys.argv:
        tracemalloc.start()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        domains = json.load(sys.stdin)
        figures = runner.run(examine(Path(sys.argv[1]), Path(sys.argv[2]), domains))
    figures["traced_mb"] = tracemalloc.get_traced_memory()[1] / 1e6
    figures["resident_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
