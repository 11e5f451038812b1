"""The pure parts by themselves, without any server: parse, decoders, a decode batch, rows.

    python -m tests.benchmark.parts [--profile] PART FILE

Prints one line of JSON. `PART` is parse, decoders, decode or rows; `FILE` holds messages.
"""

from __future__ import annotations

import cProfile
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from decoders.api import DecodeError, Uplink
from decoders.registry import load
from pipeline.core.errors import Reject
from pipeline.core.model import Outgoing, Record, StoredRecord
from pipeline.core.samples import Forms
from pipeline.core.topics import FRAME, readings
from pipeline.database.families import quantities_by_family
from pipeline.decode.batch import BatchDecoder, State
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import History
from pipeline.event.read import read_event, read_topic
from pipeline.store.rows import Placed, Rows, add_frame, add_reading, placing, read_frame, read_reading, sorted_rows
from tests.benchmark.hotspots import sentence_of
from tests.benchmark.inputs import PARTITIONS, raw_records, read_messages
from tests.benchmark.machine import peak_bytes

_HORIZON_MS: Final = 900_000
_DECODE_BATCH: Final = 2000
_STORE_BATCH: Final = 5000

Work = Callable[[], int]
"""Does all of it once; returns on how many records."""


def stored(outgoing: Sequence[Outgoing]) -> list[StoredRecord]:
    """Records as a consumer would have them."""
    ends: dict[tuple[str, int], int] = {}
    found = []
    for record in outgoing:
        place = (record.topic, record.partition)
        offset = ends[place] = ends.get(place, -1) + 1
        _, _, timestamp, key, value, headers = record
        found.append(StoredRecord(*place, offset, timestamp, key, value, headers))
    return found


def batches(records: Sequence[StoredRecord], size: int) -> list[list[StoredRecord]]:
    """As a fetch hands them out: whole batches of one partition."""
    found = []
    for number in range(PARTITIONS):
        mine = [record for record in records if record.partition == number]
        found += [mine[at : at + size] for at in range(0, len(mine), size)]
    return found


def new_decoder() -> BatchDecoder:
    """A decoder as the stage makes it."""
    decoders = load()
    return BatchDecoder(decoders, Bindings(decoders, {}))


def parse(raw: Sequence[StoredRecord]) -> Work:
    """Reading the event out of a raw record's value."""
    taken = [(_event(record), record.value or b"", (record.key or b"").decode()) for record in raw]

    def work() -> int:
        for event, value, dev_eui in taken:
            read_event(event, value, dev_eui=dev_eui)
        return len(taken)

    return work


def decoders(raw: Sequence[StoredRecord]) -> Work:
    """The payload decoders."""
    bindings = Bindings(load(), {})
    taken = []
    for record in raw:
        event = read_event(_event(record), record.value or b"", dev_eui=(record.key or b"").decode())
        if event.data:
            bound = bindings.of(event.device)
            if bound.decoder is not None:
                taken.append((bound.decoder.decode, Uplink(event.f_port, event.data, bound.attributes)))

    def work() -> int:
        for decode, uplink in taken:
            try:
                decode(uplink)
            except DecodeError:
                continue
        return len(taken)

    return work


def decode(raw: Sequence[StoredRecord]) -> Work:
    """A whole decode batch: from raw records to frames, readings and dead letters as bytes."""
    decoder = new_decoder()
    split = batches(raw, _DECODE_BATCH // PARTITIONS)

    def work() -> int:
        states = [State(History(_HORIZON_MS)) for _ in range(PARTITIONS)]
        for batch in split:
            decoder.decode(states[batch[0].partition], batch)
        return len(raw)

    return work


def rows(raw: Sequence[StoredRecord]) -> Work:
    """Frames and readings to rows, sorted and collapsed."""
    decoder = new_decoder()
    made: list[Outgoing] = []
    for batch in batches(raw, len(raw)):
        made += decoder.decode(State(History(_HORIZON_MS)), batch).records
    forms = {family: placing(names) for family, names in quantities_by_family(load().values()).items()}
    families = {readings(family): family for family in forms}
    wanted = [record for record in stored(made) if record.topic == FRAME or record.topic in families]
    split = batches(wanted, _STORE_BATCH)

    def work() -> int:
        for batch in split:
            made_rows = Rows()
            for record in batch:
                try:
                    _add(made_rows, record, families, forms)
                except Reject:
                    continue
            for table in (made_rows.frame, made_rows.device_latest, *made_rows.readings.values()):
                sorted_rows(table)
        return len(wanted)

    return work


def _add(made: Rows, record: Record, families: dict[str, str], forms: dict[str, Forms[Placed]]) -> None:
    if record.topic == FRAME:
        add_frame(made, record, read_frame(record))
    else:
        family = families[record.topic]
        add_reading(made, family, record=record, said=read_reading(record, forms[family]))


def _event(record: StoredRecord) -> str:
    found = read_topic(dict(record.headers)["mqtt_topic"].decode())
    return found.event if found else ""


PARTS: Final[dict[str, Callable[[Sequence[StoredRecord]], Work]]] = {
    "parse": parse,
    "decoders": decoders,
    "decode": decode,
    "rows": rows,
}


def main(arguments: Sequence[str]) -> None:
    """Measure one part: once to warm up, once to count."""
    profiled = "--profile" in arguments
    part, file = (argument for argument in arguments if argument != "--profile")
    raw = stored(list(raw_records(read_messages(Path(file)))))
    work = PARTS[part](raw)
    work()
    profile = cProfile.Profile()
    # The prepared input is not the part's own: keep the collector from walking over it.
    gc.collect()
    gc.freeze()
    began, cpu_began = time.perf_counter(), time.process_time()
    count = profile.runcall(work) if profiled else work()
    answer: dict[str, Any] = {
        "records": count,
        "wall_seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu_began,
        "peak_bytes": peak_bytes(),
        "profile": sentence_of(profile) if profiled else "",
    }
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
