"""``python -m bench``: one table for people, one JSON line for programs. Ratios travel; absolute figures do not."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sysconfig
from pathlib import Path
from statistics import median
from typing import Any

from bench import calendar_calls, doors, reports
from bench.lives import alternate, bench, ratio

TEMPORAL = str(Path(sysconfig.get_path("scripts")) / "temporal")


async def measure(lives: int, dossiers: int, rounds: int) -> dict[str, Any]:
    async with bench(TEMPORAL) as run:
        await alternate(lambda kind: run.on_time(kind, max(20, lives // 5)), 1)  # warm up
        on_time = await alternate(lambda kind: run.on_time(kind, lives), rounds)
        storm = await alternate(lambda kind: run.storm(kind, dossiers), rounds)
        events, size = await run.history()
    return {
        "on_time_lives_per_second": {name: round(median(all_), 1) for name, all_ in on_time.items()},
        "storm_deadlines_per_second": {name: round(median(all_), 1) for name, all_ in storm.items()},
        "on_time_to_empty": ratio(on_time, "empty"),
        "on_time_to_bare": ratio(on_time, "bare"),
        "storm_to_empty": ratio(storm, "empty"),
        "storm_to_bare": ratio(storm, "bare"),
        "history_events": events,
        "history_bytes": size,
        "calendar_calls_per_second": {name: round(rate) for name, rate in calendar_calls.measure().items()},
    }


def show(figures: dict[str, Any]) -> None:
    rows = [("", "bare", "empty", "danbiet", "to empty", "to bare", "floor")]
    for title, key, short, floor in (
        ("on-time lives / s", "on_time_lives_per_second", "on_time", "0.75"),
        ("17:00 storm, deadlines / s", "storm_deadlines_per_second", "storm", "0.85"),
    ):
        speeds = figures[key]
        rows.append(
            (
                title,
                f"{speeds['bare']:.1f}",
                f"{speeds['empty']:.1f}",
                f"{speeds['danbiet']:.1f}",
                f"{figures[f'{short}_to_empty']:.2f}",
                f"{figures[f'{short}_to_bare']:.2f}",
                f"{floor} of empty",
            )
        )
    for row in rows:
        print(f"{row[0]:<28}" + "".join(f"{cell:>14}" for cell in row[1:]))
    print(
        f"history of an on-time life   {figures['history_events']} events, {figures['history_bytes']} bytes"
    )
    for name, rate in figures["calendar_calls_per_second"].items():
        print(f"calendar {name:<20}{rate:>14,} calls / s")
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--lives", type=int, default=150, help="dossiers a round of on-time lives (150)")
    parser.add_argument("--dossiers", type=int, default=300, help="dossiers in a storm (300)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each (5)")
    parser.add_argument(
        "what", nargs="?", choices=["engine", "reports", "doors"], default="engine", help="(engine)"
    )
    parser.add_argument("--latenesses", type=int, default=1_000_000, help="rows for the reports (1000000)")
    parser.add_argument("--queries", type=int, default=60, help="queries of each report (60)")
    parser.add_argument("--rate", type=float, default=200, help="reads a second through the doors (200)")
    parser.add_argument("--seconds", type=float, default=20, help="of reads through the doors (20)")
    given = parser.parse_args()
    if given.what == "doors":
        doors.show(doors.measure(given.rate, given.seconds))
        return
    if given.what == "reports":
        reports.show(reports.measure(given.latenesses, given.queries))
        return
    show(asyncio.run(measure(given.lives, given.dossiers, given.rounds)))
    gc.unfreeze()
    gc.collect()


if __name__ == "__main__":
    main()
