"""Knows what the package bundles: which distributions it needs, whose they are, which C library.

Run by tools/package with the Python of the staged environment:

    bundled.py unneeded SITE    names of what mailseal does not need at run time, one on each line
    bundled.py licences SITE    the part of the copyright file about the bundled libraries
    bundled.py libc SITE        the oldest C library that all compiled parts run with
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions

PROGRAM = "mailseal"
# What a fleet needs that shares a PostgreSQL, and a scan: none of it can be added later.
EXTRAS = ("postgres", "worker")
OLDEST_LIBC = (2, 17)  # manylinux2014, the oldest tag that wheels of today have
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_")
_LICENCE_FILE = re.compile(r"\.dist-info/.*(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)
_LICENCE_CLASSIFIER = "License :: OSI Approved :: "


def canonical(name: str) -> str:
    """Write a distribution's name in its one normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(requirements: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return the names of all that the program needs, itself included.

    ``requirements`` has for each installed name what its metadata requires.
    """
    # Part of the build tools that are staged at this moment; a test needs no environment for it.
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [(PROGRAM, EXTRAS)]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        name, extras = one
        if name not in requirements:
            raise SystemExit(f"{name} is needed and not installed; is requirements.txt locked?")
        found.add(name)
        for text in requirements[name]:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *extras)):
                waiting.append((canonical(requirement.name), tuple(sorted(requirement.extras))))
    return frozenset(found)


def libc_of(tags: Iterable[str]) -> tuple[int, int]:
    """Return the oldest C library for wheels with these tags: what their newest part wants.

    A wheel with several tags runs where the oldest of them does.
    """
    newest = OLDEST_LIBC
    for tag in tags:
        versions = [(int(major), int(minor)) for major, minor in _MANYLINUX.findall(tag)]
        newest = max(newest, min(versions, default=OLDEST_LIBC))
    return newest


def licence_of(distribution: Distribution) -> str:
    """Return a distribution's licence in the words of its metadata."""
    fields = distribution.metadata
    for expression in fields.get_all("License-Expression") or ():
        return str(expression)
    classifiers = fields.get_all("Classifier") or []
    names = [one.removeprefix(_LICENCE_CLASSIFIER) for one in classifiers if "License ::" in one]
    texts = [str(one).strip().split("\n")[0][:80] for one in fields.get_all("License") or ()]
    return " and ".join(names or texts) or "see the licence file"


def licences(installed: Iterable[Distribution]) -> Iterator[str]:
    """Yield a line for each bundled library, and where the texts of its licence stand."""
    for distribution in sorted(installed, key=lambda one: canonical(one.metadata["Name"])):
        name = canonical(distribution.metadata["Name"])
        if name == PROGRAM:
            continue
        yield f"{name} {distribution.version}: {licence_of(distribution)}"
        for file in distribution.files or ():
            if _LICENCE_FILE.search(str(file)):
                yield f"  {file}"


def wheel_tags(installed: Iterable[Distribution]) -> Iterator[str]:
    """Yield for each distribution the tags of its wheel as one text."""
    for distribution in installed:
        text = distribution.read_text("WHEEL") or ""
        yield ".".join(re.findall(r"^Tag: (.+)$", text, re.MULTILINE))


def main(arguments: list[str]) -> int:
    """Answer one question about the distributions of a folder."""
    match arguments:
        case ["unneeded", site]:
            installed = {
                canonical(one.metadata["Name"]): one.requires or ()
                for one in distributions(path=[site])
            }
            lines = sorted(installed.keys() - needed(installed))
        case ["licences", site]:
            lines = list(licences(distributions(path=[site])))
        case ["libc", site]:
            lines = ["{}.{}".format(*libc_of(wheel_tags(distributions(path=[site]))))]
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
