"""The long form: kills in rotation under load, for as many as are asked for; servers away for a minute; 20,000 messages
queued without a bridge; workers that come and go; and the account at the end.

    soak.py --kills 100 [--rate 300] [--seed 1] [--out docs/soak-100.md]

Needs the local stack's number in STACK. Exit status 0 only if nothing is lost, doubled or different.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

# Run as a script, Python looks beside this file first; the repository is meant.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from rich.console import Console  # noqa: E402  # needs the path set above

from infra.local.layout import chosen  # noqa: E402  # as above
from tests.chaos import report  # noqa: E402  # as above
from tests.chaos.driver import Driver, Kill, rotation, targets_of, way_of  # noqa: E402  # as above
from tests.chaos.judge import Judgement, judge  # noqa: E402  # as above
from tests.chaos.load import playing  # noqa: E402  # as above
from tests.chaos.scenarios import come_and_go, outages, worked_off  # noqa: E402  # as above
from tests.chaos.system import NOISY, ChaosError, fresh_namespace, open_system, stages_but  # noqa: E402  # as above

OUTAGE_SECONDS = 60.0


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(
        prog="soak.py",
        description="Kill every part in turn under load, take servers away, restart all workers, and judge.",
    )
    parser.add_argument("--kills", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--rate", type=float, default=300.0, help="messages per second (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="of the order and the moments (default 1)")
    parser.add_argument("--out", type=Path, help="write a Markdown page there, and JSON beside it")
    return parser.parse_args(given)


async def soak(wanted: argparse.Namespace, console: Console) -> bool:
    """Kill, judge, report; whether the ledger is even."""
    folder = Path(tempfile.mkdtemp(prefix="silkstream-soak-"))
    async with open_system(chosen(), folder, namespace=fresh_namespace("soak")) as system:
        console.print(f"logs: {folder}")
        for stage in stages_but():
            await system.start(stage)
        await system.until_ready()
        driver = Driver(system, seed=wanted.seed)
        began = time.monotonic()
        async with playing(system, seed=f"soak-{wanted.seed}", rate=wanted.rate) as load:
            targets = targets_of(system)
            for number, target in enumerate(rotation(targets, wanted.kills, seed=wanted.seed), start=1):
                kill = await driver.strike(target, how=way_of(target))
                console.print(
                    f"{number:>3}/{wanted.kills} {kill.at_seconds:7.1f} s  {target} ({kill.how}) "
                    f"back at work after {kill.recovery_seconds:.1f} s"
                )
            ledger = await load.stop()
        loaded_seconds = time.monotonic() - began
        kills = list(driver.kills)
        console.print(f"{ledger.published:,} messages published; servers away for {OUTAGE_SECONDS:.0f} s each")
        later = await outages(system, driver, seconds=OUTAGE_SECONDS, after=ledger)
        console.print("workers come and go, and all are restarted in turn")
        last, pauses = await come_and_go(system, after=later[-1])
        console.print("waiting until all work is done")
        settled_seconds = await worked_off(system, last)
        ledgers = [ledger, *later, last]
        judgement = await judge(system, ledgers)
    figures = {
        "load while processes were killed": f"{ledger.published:,} messages in {loaded_seconds:.0f} s, "
        f"asked for at {wanted.rate:.0f}/s",
        **{
            f"{away.target} away for {OUTAGE_SECONDS:.0f} s, then all at work after": f"{_back_after(away):.1f} s"
            for away in driver.kills[len(kills) :]
        },
        "messages that the broker kept while there was no bridge": f"{later[-1].published:,}",
        **{
            f"longest pause of {name} while all workers were restarted in turn": f"{gap:.1f} s"
            for name, gap in sorted(pauses.items())
        },
        "all work done after the load": f"{settled_seconds:.1f} s",
        "messages that the simulator sent again after a lost connection": f"{sum(each.resent for each in ledgers):,}",
    }
    report.show(console, judgement, kills, figures)
    if wanted.out is not None:
        _write(wanted, judgement, kills, figures)
    return judgement.is_even


def _back_after(away: Kill) -> float:
    """Seconds from when a server answered again until every stage worked."""
    return away.recovery_seconds - away.down_seconds


def _write(wanted: argparse.Namespace, judgement: Judgement, kills: Sequence[Kill], figures: dict[str, str]) -> None:
    command = f"make soak KILLS={wanted.kills}"
    page = report.markdown(f"Soak of {wanted.kills} kills", command, judgement, kills=kills, figures=figures)
    wanted.out.write_text(page)
    report.write_json(wanted.out.with_suffix(".json"), judgement, kills, figures)


def main() -> int:
    """Run it."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    console = Console(highlight=False)
    try:
        return 0 if asyncio.run(soak(arguments(sys.argv[1:]), console)) else 1
    except ChaosError as stuck:
        console.print(f"[bold red]stuck[/] {stuck}", markup=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
