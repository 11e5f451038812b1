"""A downstream service in small: says which containers are full and where bays are free.

    python docs/downstream_consumer.py --bootstrap 127.0.0.1:9092 --state city.db

Its work and the highest sequence of each subject are written in one transaction, and Kafka's offset is committed behind
it. Killed in between, it is handed the same events again, and knows them by their sequences.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord

TOPICS = ("alerts.container.v1", "city.parking.v1")
TABLES = """
CREATE TABLE IF NOT EXISTS seen (topic TEXT, subject TEXT, sequence INTEGER, PRIMARY KEY (topic, subject));
CREATE TABLE IF NOT EXISTS told (topic TEXT, subject TEXT, sequence INTEGER, sentence TEXT);
"""
SEE = """
INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (topic, subject)
DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence > seen.sequence
"""


def sentence(event: dict[str, Any]) -> str:
    """What to tell people; fields and types that this service does not know are left alone."""
    data = event["data"]
    if event["type"] == "de.silkstream.alert.opened.v1":
        return str(data["message"]["en"])
    if event["type"] == "de.silkstream.alert.resolved.v1":
        return f"{data['site']}: {'it was nothing' if data['withdrawn'] else 'it is over'}."
    if event["type"] == "de.silkstream.parking.zone.v1":
        return f"{data['zone']}: {data['free']} of {data['bays']} bays are free."
    return ""


def take(database: sqlite3.Connection, record: ConsumerRecord) -> str:
    """Do the work of one event, unless it is a repeat."""
    event = orjson.loads(record.value)
    place = (record.topic, event["subject"], int(event["sequence"]))
    if not database.execute(SEE, place).rowcount:
        return f"repeat {place}"
    told = sentence(event)
    database.execute("INSERT INTO told VALUES (?, ?, ?, ?)", (*place, told))
    return f"new {place} {told}"


async def serve(options: argparse.Namespace) -> None:
    """Read for ever. Whatever goes wrong may end the process: started again, it goes on where it was."""
    database = sqlite3.connect(options.state)
    database.executescript(TABLES)
    async with AIOKafkaConsumer(
        *(options.namespace + topic for topic in TOPICS),
        bootstrap_servers=options.bootstrap,
        group_id=options.group,
        group_instance_id=options.member or None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    ) as consumer:
        while True:
            batches = await consumer.getmany(timeout_ms=1000, max_records=100)
            with database:
                lines = [take(database, record) for records in batches.values() for record in records]
            print("".join(f"{line}\n" for line in lines), end="", flush=True)
            await consumer.commit()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", help="host:port of a broker")
    parser.add_argument("--state", default="city.db", help="the file of this service's database")
    parser.add_argument("--group", default="city-board", help="its consumer group")
    parser.add_argument("--member", default="", help="a name of this process that survives its restart")
    parser.add_argument("--namespace", default="", help="what stands in front of the topics' names")
    asyncio.run(serve(parser.parse_args()))
