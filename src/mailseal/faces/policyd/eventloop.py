"""The event loop of both processes: uvloop where there is one."""

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new uvloop, or asyncio's own where uvloop is not installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
