"""Hears on a PostgreSQL connection of its own which domains other nodes have changed (LISTEN).

A notification is a hint that carries a name and nothing more: the row is read anew. Those sent
while nobody listened are lost, so each new connection begins with "anything may have changed".
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import psycopg

from mailseal.names import Domain, NameSyntaxError
from mailseal.store.changes import PendingChanges
from mailseal.store.statements import CHANNEL, PURGED

CONNECT_SECONDS = 10.0  # ours: twice libpq's own, for names with several addresses
ANSWER_SECONDS = 5.0  # ours: a server that is there answers in one round trip
HEARTBEAT_SECONDS = 10.0  # ours: a connection cut without a word is noticed by then
PAUSE_MIN_SECONDS = 1.0  # ours: a restart of the server takes as long
PAUSE_MAX_SECONDS = 30.0  # ours: the longest time that changes go unheard once it is back

log = logging.getLogger(__name__)


async def listen(arguments: Mapping[str, Any], place: str, changes: PendingChanges) -> None:
    """Connect, listen and connect again, for ever; cancel it to end it."""
    pause = PAUSE_MIN_SECONDS
    is_lost = False
    while True:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await psycopg.AsyncConnection.connect(**arguments, autocommit=True)
            try:
                await _subscribe(connection)
                if is_lost:
                    log.info("changes of other nodes are heard again place=%r", place)
                pause, is_lost = PAUSE_MIN_SECONDS, False
                changes.note_anything()
                await _hear(connection, changes)
            finally:
                await connection.close()
        except (psycopg.Error, OSError, TimeoutError) as error:
            if not is_lost:
                log.warning(
                    "changes of other nodes are not heard place=%r reason=%s "
                    "action=answer-from-memory-and-try-again",
                    place,
                    type(error).__name__,
                )
            is_lost = True
        await asyncio.sleep(pause)
        pause = min(2 * pause, PAUSE_MAX_SECONDS)


async def _subscribe(connection: "psycopg.AsyncConnection[Any]") -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        await connection.execute(f"LISTEN {CHANNEL}")


async def _hear(connection: "psycopg.AsyncConnection[Any]", changes: PendingChanges) -> None:
    """Take in what comes, and ask now and then whether the server is still there.

    What comes while it is asked waits for the next turn of the loop.
    """
    while True:
        async for notification in connection.notifies(timeout=HEARTBEAT_SECONDS):
            name = notification.payload.removeprefix(f"{PURGED} ")
            try:
                domain = Domain.parse(name)
            except NameSyntaxError:
                continue  # whoever may connect may notify, and nobody of ours has sent this
            if name != notification.payload:
                changes.note_purge(domain)
            else:
                changes.note([domain])
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.execute("SELECT 1")
