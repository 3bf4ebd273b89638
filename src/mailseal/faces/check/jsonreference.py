"""The reference of the JSON form, made of the types that it is written from."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from mailseal.faces.check.document import CheckAnswer

_HEAD = """\
<!-- Made by "make docs"; a test compares. Change src/mailseal/faces/check/document.py instead. -->

# What `mailseal check --format json` writes

One object for each domain: indented for a single one, one to a line for several.
The same object is the answer of `GET /v1/check/{domain}`, where that is switched on.

Fields are never renamed and never change their meaning within a major version.
New fields, codes and words may come, so a reader passes over what it does not know.
Times are in UTC, in the form of RFC 3339.
Everything beyond ASCII is escaped, so that a terminal may see it.
`text`, `seen`, `follows` and `remedy` are for people, and may be put better at any time.
Programs go by `code`, `verdict`, `mark` and `severity`.

A `mark` says how something stands: `good`, `note`, `warning` or `error`.
`none` is what is not there and need not be, `unknown` what could not be found out.

## Types
"""


def render_reference() -> str:
    """Return the page; ends with one newline."""
    (schema,), components = msgspec.json.schema_components([CheckAnswer], ref_template="{name}")
    first = schema["$ref"]
    structures = {name: one for name, one in components.items() if "properties" in one}
    words = {name: one for name, one in components.items() if "enum" in one}
    order = [first, *sorted(name for name in structures if name != first)]
    lines = [_HEAD]
    for name in order:
        lines += [*_structure(name, structures[name]), ""]
    lines += ["## Words", ""]
    for name in sorted(words):
        listed = ", ".join(f"`{word}`" for word in words[name]["enum"])
        lines.append(f"- `{name}`: {listed}")
    whole = msgspec.json.schema(CheckAnswer)
    lines += ["", "## JSON schema", "", "```json", json.dumps(whole, indent=1), "```"]
    return "\n".join(lines) + "\n"


def _structure(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### `{name}`"
    yield " ".join(schema.get("description", "").split())
    yield ""
    yield "| field | type | |"
    yield "| --- | --- | --- |"
    for field, about in schema["properties"].items():
        text = about.get("description", "")
        yield f"| `{field}` | {_type(about)} | {text} |"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref']}`"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if isinstance(schema["items"], dict) else "list"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "object"))
