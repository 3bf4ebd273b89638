"""The actors of watching, made for each other: what a face is given to work with."""

from dataclasses import dataclass

from mailseal.ports.historystore import HistoryStore
from mailseal.services.herald import Herald
from mailseal.services.watcher import Watcher


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchService:
    """One of each; whoever opened the store closes it."""

    history: HistoryStore
    watcher: Watcher
    herald: Herald
