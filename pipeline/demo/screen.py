"""The live screen: what a person sees while the day is played. Pure: a view in, something to draw out."""

from __future__ import annotations

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.demo.look import View

ABOUT = {
    "bridge": "MQTT → raw log",
    "decode": "raw log → frames, readings",
    "store": "frames, readings → rows",
    "topology-container": "readings → fill, emptyings, alerts",
    "topology-fleet": "frames → who is there",
    "topology-groundwater": "readings → levels, alerts",
    "topology-lighting": "readings → lamps, alerts",
    "topology-parking": "readings → bays",
    "topology-water": "readings → leaks, alerts",
    "derive": "marks → zones, wells, nights, routes",
    "relay": "outbox → alert topics",
}


def screen(view: View, *, published: int, planned: int, rates: dict[str, float], note: str) -> RenderableType:
    """Draw the system.

    Args:
        view: as it is now.
        published: messages that the broker has taken so far.
        planned: messages of the whole day.
        rates: records per second by stage.
        note: the newest event worth a line.
    """
    stages = Table("stage", "", "pid", "starts", "records/s", "CPU s", "MB", box=None, pad_edge=False, expand=True)
    for column in stages.columns[2:]:
        column.justify = "right"
    for stage in view.stages:
        gone = stage.pid is None
        stages.add_row(
            stage.name,
            ABOUT.get(stage.name, ""),
            Text("killed" if gone else str(stage.pid), style="bold red" if gone else ""),
            Text(str(stage.starts), style="yellow" if stage.starts > 1 else ""),
            f"{rates.get(stage.name, 0):,.0f}",
            f"{stage.seconds:,.1f}",
            f"{stage.megabytes:,.0f}",
        )
    totals = view.totals
    rows = Table("rows", "", box=None, pad_edge=False)
    rows.columns[1].justify = "right"
    for name in ("frames", "accepted", "links", "devices", "alerts", "open_alerts", "marks", "unsent"):
        rows.add_row(name.replace("_", " "), f"{totals.get(name) or 0:,}")
    rejects = Table("dead letters", "", box=None, pad_edge=False)
    rejects.columns[1].justify = "right"
    for reason, count in view.rejects.items():
        rejects.add_row(reason, f"{count:,}")
    zones = Table("zone", "free", "of", box=None, pad_edge=False)
    for zone, bays, _occupied, free, _unknown in view.zones:
        zones.add_row(zone, str(free), str(bays))
    bar = Columns(
        [
            ProgressBar(total=max(planned, 1), completed=published, width=40),
            Text(f"{published:,} of about {planned:,} messages"),
            Text(f"city's time {view.as_of:%a %H:%M}" if view.as_of else ""),
        ]
    )
    return Panel(
        Group(
            bar,
            Text(),
            stages,
            Text(),
            Columns([rows, rejects, zones], padding=(0, 6)),
            Text(),
            Text(note, style="cyan"),
        ),
        title="silkstream: a day of the city",
    )


def line(view: View, *, published: int, note: str) -> str:
    """The screen in a line, for where there is no terminal."""
    totals = view.totals
    killed = [stage.name for stage in view.stages if stage.pid is None]
    return (
        f"published {published:,} · frames {totals.get('frames') or 0:,} · accepted {totals.get('accepted') or 0:,} · "
        f"dead letters {sum(view.rejects.values()):,} · alerts open {totals.get('open_alerts') or 0}"
        + (f" · down: {', '.join(killed)}" if killed else "")
        + (f" · {note}" if note else "")
    )
