"""``mailseal monitor``: which domains are watched, what was seen of them, and who is told.

**Security**: whoever may write to the store may watch any domain; what servers have said is shown
as printable ASCII only. **Limits**: `max_domains` in ``[monitor]``. **Bugs**: the store is opened
here, beside the service; an SQLite file is locked for a moment by each.
"""
