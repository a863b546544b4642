"""Calls one tool and prints one JSON line: isError, text, structured, elapsed_s; or exception, elapsed_s.

To hang up in mid-call, kill this process.
"""

import argparse
import asyncio
import json

from session import connect, report, say, timed


async def call(options):
    async with connect(options.url, options.era, options.timeout) as session:
        say("calling")
        result = await session.call_tool(options.tool, json.loads(options.args))
        answer = result.model_dump(by_alias=True, mode="json")
        text = "\n".join(block["text"] for block in answer["content"] if block["type"] == "text")
        got = {
            "isError": bool(answer.get("isError")),
            "text": text,
            "structured": answer.get("structuredContent"),
            "meta": answer.get("_meta"),
        }
        if options.then_list:
            got["tools"] = [tool.name for tool in (await session.list_tools()).tools]
        return got


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--args", default="{}", help="the arguments as a JSON object")
    parser.add_argument("--timeout", type=float, help="seconds after which the client gives up")
    parser.add_argument("--then-list", action="store_true", help="list the tools in the same session afterwards")
    parser.add_argument("--era", choices=["auto", "legacy", "modern"], default="auto")
    options = parser.parse_args()
    report(asyncio.run(timed(lambda: call(options))))


if __name__ == "__main__":
    main()
