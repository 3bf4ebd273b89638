"""postfix-mta-sts-resolver's ``cache`` table: where its policies are, and what holds ours."""

from typing import Any
from urllib.parse import quote, urlencode

from mailseal.config.addresses import SecretUrl, store_url
from mailseal.config.kinds import RefusedValueError
from mailseal.config.moving.notes import Draft, show

_STORE = "mailseal keeps policies in SQLite in its state folder"


def move_cache(draft: Draft, cache: dict[str, Any]) -> None:
    """Tell how the cache is taken over; a PostgreSQL becomes our store too."""
    given = cache.get("options")
    options = given if isinstance(given, dict) else {}
    match cache.get("type", "internal"):
        case "internal":
            draft.differ("cache.type", f"{_STORE}, where they outlive a restart")
            if "cache_size" in options:
                draft.lose("cache.options.cache_size", "see max_policies in [store]")
        case "sqlite":
            draft.differ("cache.type", f"{_STORE}, in a file of its own")
            _tell_import(draft, "filename", options.get("filename"))
            for key in options.keys() & {"threads", "timeout"}:
                draft.lose(f"cache.options.{key}", "one thread owns the database here")
        case "redis":
            draft.lose("cache.type", f"{_STORE}; machines that share policies do by PostgreSQL")
            _tell_import(draft, "url", options.get("url"))
        case "redis_sentinel":
            draft.lose("cache.type", f"{_STORE}; machines that share policies do by PostgreSQL")
            draft.lose(
                "cache.options.sentinels",
                'give the address of the present master to "mailseal cache import"',
            )
        case "postgres":
            _postgres(draft, options)
        case other:
            draft.lose("cache.type", f"{show(other)} is not known here; {_STORE}")


def _tell_import(draft: Draft, key: str, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable():
        draft.lose(f"cache.options.{key}", f"{show(value)} cannot be read")
        return
    shown = str(SecretUrl(value)) if "://" in value else value
    draft.differ(
        f"cache.options.{key}",
        f'its policies are taken over by "mailseal cache import {shown}"',
    )


def _postgres(draft: Draft, options: dict[str, Any]) -> None:
    url = _postgres_url(options)
    try:
        store_url().read(url)
    except RefusedValueError:
        draft.lose("cache.options", f"no URL can be made of them; {_STORE}")
        return
    draft.set("store", "url", url)
    draft.carry("cache.type", "url in [store]: the same database, with tables of mailseal's own")
    _tell_import(draft, "dsn", url)
    for key in options.keys() - {"dsn", "host", "port", "user", "password", "database"}:
        draft.lose(f"cache.options.{str(key)[:60]}", "mailseal has one connection of its own")


def _postgres_url(options: dict[str, Any]) -> str:
    """Write asyncpg's arguments as one URL, as libpq understands it too."""
    dsn = options.get("dsn")
    if isinstance(dsn, str):
        return dsn
    host, port = str(options.get("host") or ""), options.get("port")
    user = quote(str(options.get("user") or ""), safe="")
    if password := options.get("password"):
        user += ":" + quote(str(password), safe="")
    database = quote(str(options.get("database") or options.get("user") or ""), safe="")
    where = "" if host.startswith("/") else f"{host}:{port}" if host and port else host
    query = {"host": host} if host.startswith("/") else {}
    if host.startswith("/") and port:
        query["port"] = str(port)
    tail = f"?{urlencode(query)}" if query else ""
    return f"postgresql://{user}{'@' if user else ''}{where}/{database}{tail}"
