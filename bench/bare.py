"""What people write first: a semaphore, a fixed poll interval, no record and no checks.

python -m bench.bare BASE_URL JOBS FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp

from bench.served import IN_FLIGHT, KEY

POLL_S = 0.3


async def main(base_url: str, jobs: int, folder: Path) -> None:
    room = asyncio.Semaphore(IN_FLIGHT)
    root = f"{base_url}/grok/v1/videos"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def one(number: int) -> None:
            async with room:
                body = {"prompt": f"Bare {number}.", "duration": 6, "resolution": "480p"}
                async with session.post(f"{root}/generations", json=body) as answer:
                    remote_id = (await answer.json())["request_id"]
                state: dict[str, object] = {}
                while state.get("status") != "done":
                    await asyncio.sleep(POLL_S)
                    async with session.get(f"{root}/{remote_id}") as answer:
                        state = await answer.json()
            async with session.get(state["video"]["url"]) as answer:  # type: ignore[index]
                (folder / f"{number}.mp4").write_bytes(await answer.read())

        await asyncio.gather(*(one(number) for number in range(jobs)))


if __name__ == "__main__":
    Path(sys.argv[3]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
