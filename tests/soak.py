"""A room for a while: python -m tests.soak --people 32 --minutes 10

Each person opens the page, drags t, changes the noise, samples and goes, again and again, by the page's own events.
Prints every error and, each minute, how many answers there were, how long they took and the memory of the server. Exits
with 1 on any error, or where memory grew by more than GROWTH from the first third to the last.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.by_hand import ByHand
from tests.server import Server, running

GROWTH = 1.15
OFTEN = ("predict_noise", "add_noise")


class Room:
    """Who is in it, what went wrong, and how long answers took since one last looked."""

    def __init__(self, address: str, until: float) -> None:
        self.address, self.until = address, until
        self.errors: list[str] = []
        self.took: list[float] = []

    def person(self, seed: int) -> None:
        """Stay until the end, as different people, a minute or so each."""
        rng = random.Random(seed)
        while time.monotonic() < self.until:
            try:
                with ByHand(self.address, timeout=300) as visitor:
                    for _ in range(20):
                        if time.monotonic() > self.until:
                            return
                        self._ask(visitor, rng)
                        time.sleep(rng.uniform(0.2, 2))
            except Exception as error:
                self.errors.append(repr(error))

    def _ask(self, visitor: ByHand, rng: random.Random) -> None:
        began = time.monotonic()
        if rng.random() < 0.2:
            event, values = visitor.run(Steps=10, Seed=rng.randrange(1000))
        else:
            wanted = rng.choice(OFTEN)
            event = next(each for each in visitor.events if each["api_name"] == wanted)
            values = visitor.at_first(event)
            values[2], values[5] = rng.randrange(1000), rng.randrange(1000)  # t and the seed
        answer = visitor.call(event, values)
        self.took.append(time.monotonic() - began)
        if not answer["success"]:
            self.errors.append(f"{event['api_name']}: {answer['output']}")


def memory(server: Server) -> float:
    """The server's, in MB."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def soak(people: int, minutes: float) -> bool:
    """Whether there was no error, and memory did not grow."""
    with running("app.py") as server:
        room = Room(server.address, time.monotonic() + 60 * minutes)
        threads = [threading.Thread(target=room.person, args=(seed,)) for seed in range(people)]
        for thread in threads:
            thread.start()
        sizes, told, answers = list[float](), 0, 0
        while any(thread.is_alive() for thread in threads):
            time.sleep(min(60.0, 20 * minutes / 3))
            sizes.append(memory(server))
            took, room.took = room.took, []
            answers += len(took)
            for error in room.errors[told:]:
                print("error:", error)
            told = len(room.errors)
            median = statistics.median(took) if took else 0.0
            print(
                f"{len(took):5} answers, {median:.2f} s each, {max(took, default=0):.1f} at most; {sizes[-1]:.0f} MB",
                flush=True,
            )
    third = -(-len(sizes) // 3)
    growth = statistics.mean(sizes[-third:]) / statistics.mean(sizes[:third])
    print(f"{answers:,} answers, {len(room.errors)} errors, memory times {growth:.2f}")
    return not room.errors and growth < GROWTH


def main() -> None:
    parser: Any = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10)
    args = parser.parse_args()
    sys.exit(not soak(args.people, args.minutes))


if __name__ == "__main__":
    main()
