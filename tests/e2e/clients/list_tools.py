"""Lists the tools of a server and prints one JSON line: tools, elapsed_s; or exception, elapsed_s."""

import argparse
import asyncio

from session import connect, report, timed


async def list_tools(options):
    async with connect(options.url, options.era, options.timeout) as session:
        answer = await session.list_tools()
        return {"tools": [tool.name for tool in answer.tools]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--timeout", type=float, help="seconds after which the client gives up")
    parser.add_argument("--era", choices=["auto", "legacy", "modern"], default="auto")
    options = parser.parse_args()
    report(asyncio.run(timed(lambda: list_tools(options))))


if __name__ == "__main__":
    main()
