"""A configuration key: its default, its kind and its paragraph, kept at the field itself."""

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from mailseal.config.kinds import Kind

T = TypeVar("T")

_METADATA = "mailseal.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key beside its value.

    ``about`` is the paragraph of the reference, one sentence per line.
    ``example`` is a value to show where the default says little; ``unset_text`` tells what the
    default amounts to when it depends on other things.
    """

    kind: Kind[Any]
    about: str
    example: object = None
    unset_text: str | None = None
    is_required: bool = False


def key(
    default: T, kind: Kind[T], about: str, *, example: object = None, unset_text: str | None = None
) -> T:
    """Declare a field of a settings class as a key of the file."""
    known = Key(kind=kind, about=about, example=example, unset_text=unset_text)
    # dataclasses.field is typed as the field's own type, as here.
    field: T = dataclasses.field(default=default, metadata={_METADATA: known})
    return field


def required(kind: Kind[T], about: str, *, example: object) -> T:
    """Declare a key that has no default; only tables that are optional themselves have such."""
    known = Key(kind=kind, about=about, example=example, is_required=True)
    field: T = dataclasses.field(metadata={_METADATA: known})
    return field


def keys_of(settings: type) -> dict[str, Key]:
    """Return a settings class's keys in the order of its fields."""
    return {
        field.name: field.metadata[_METADATA]
        for field in dataclasses.fields(settings)
        if _METADATA in field.metadata
    }


def default_of(settings: type, name: str) -> object:
    """Return a key's default; ``dataclasses.MISSING`` for a required one."""
    return next(field.default for field in dataclasses.fields(settings) if field.name == name)
