"""One MCP session over Streamable HTTP, with whichever SDK this interpreter has (mcp 1.x or 2.x)."""

import contextlib
import datetime
import json
import sys
import time

try:
    from mcp import Client  # mcp 2.x
except ImportError:
    Client = None

MODERN = "2026-07-28"
NO_LIMIT = 24 * 3600.0


@contextlib.asynccontextmanager
async def connect(url, era, timeout):
    """A session whose requests give up after `timeout` seconds (never, if it is None)."""
    limit = NO_LIMIT if timeout is None else timeout
    if Client is None:
        if era == "modern":
            raise SystemExit("this interpreter's mcp has no modern era")
        async with _connect_1x(url, limit) as session:
            yield session
    else:
        async with _connect_2x(url, era, limit) as session:
            yield session


@contextlib.asynccontextmanager
async def _connect_1x(url, limit):
    import httpx
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    # The transport's own 300 s read timeout would end a long hold first.
    async with httpx.AsyncClient(timeout=httpx.Timeout(30, read=NO_LIMIT)) as http:
        async with streamable_http_client(url, http_client=http) as (read, write, _):
            async with ClientSession(read, write, datetime.timedelta(seconds=limit)) as session:
                await session.initialize()
                yield session


@contextlib.asynccontextmanager
async def _connect_2x(url, era, limit):
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    mode = "legacy" if era == "legacy" else MODERN if era == "modern" else "auto"
    async with httpx2.AsyncClient(timeout=httpx2.Timeout(30, read=NO_LIMIT)) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, read_timeout_seconds=limit) as client:
            yield client


def report(answer):
    """Prints the one JSON line that a test reads."""
    print(json.dumps(answer), flush=True)


async def timed(work):
    """What `work` answers, with the seconds it took; or the exception it raised."""
    start = time.monotonic()
    try:
        answer = await work()
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        answer = {"exception": "; ".join(f"{type(e).__name__}: {e}" for e in leaves(error))}
    answer["elapsed_s"] = round(time.monotonic() - start, 3)
    return answer


def leaves(error):
    """The errors that matter: task groups wrap them, sometimes twice."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def say(text):
    """A line for the log of the test, not for its parser."""
    print(text, file=sys.stderr, flush=True)
