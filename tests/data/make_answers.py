"""Writes chirpstack-events-answers.jsonl: what each captured event must become, reckoned without our own readers.

JSON events are read by the standard library, protobuf ones by protobuf's own translation to JSON; ids are put
together here again from their definition; a payload's readings are those of the decoders' vectors, which agree with
what the vendors' published codecs answer. Run it where events, decoders or vectors are added, and read the difference.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chirpstack_api.integration import integration_pb2 as pb
from google.protobuf.json_format import MessageToDict

HERE: Final = Path(__file__).parent
DECODERS: Final = HERE.parents[1] / "decoders"
INSTALLED: Final = tuple(sorted(file.parent.name for file in DECODERS.glob("*/vectors.jsonl")))
MESSAGES: Final[Mapping[str, Any]] = {
    "up": pb.UplinkEvent,
    "join": pb.JoinEvent,
    "ack": pb.AckEvent,
    "txack": pb.TxAckEvent,
    "log": pb.LogEvent,
    "status": pb.StatusEvent,
}
# What a device's attributes are worth a vector with others does not say: the captured loggers have none.
LIKE: Final = {"decentlab_dl_pr26": ("pressure_bar", "uncalibrated")}


def main() -> None:
    """Write the file."""
    lines = (HERE / "chirpstack-events.jsonl").read_text().splitlines()
    readings = {name: vectors(name) for name in INSTALLED}
    answers = [answer(json.loads(line), readings) for line in lines]
    (HERE / "chirpstack-events-answers.jsonl").write_text("".join(json.dumps(each) + "\n" for each in answers))


def vectors(decoder: str) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """The accepted vectors of a decoder: (port, hex) -> samples."""
    found = {}
    for line in (DECODERS / decoder / "vectors.jsonl").read_text().splitlines():
        vector = json.loads(line)
        if "expect" in vector:
            found[vector["port"], vector["hex"].replace(" ", "").lower()] = vector["expect"]
    return found


def answer(line: Mapping[str, Any], readings: Mapping[str, Any]) -> dict[str, Any]:
    """What one captured line must become."""
    kind = line["topic"].rpartition("/")[2]
    if line["encoding"] == "json":
        event = json.loads(line["payload"])
    else:
        event = MessageToDict(MESSAGES[kind].FromString(base64.b64decode(line["payload"])))
    device = event["deviceInfo"]
    at = microseconds(event["time"])
    found: dict[str, Any] = {
        "event_id": event_id(kind, event, device["devEui"], at),
        "device": device["devEui"],
        "event": kind,
        "observed_at_us": at,
        "gateways": sorted(rx["gatewayId"] for rx in event.get("rxInfo", ())),
    }
    if kind != "up":
        return found | {"verdict": "event"}
    payload = base64.b64decode(event.get("data", ""))
    port = event.get("fPort", 0)
    found["f_cnt"] = event.get("fCnt", 0)
    decoder = device["tags"].get("decoder")
    if not payload or not port:
        return found | {"verdict": "no_payload"}
    if decoder not in INSTALLED:
        return found | {"verdict": "rejected", "reason": "decoder_unknown"}
    samples = readings[decoder][port, payload.hex()]
    return found | {"verdict": "accepted", "decoder": decoder, "samples": [bare(decoder, each) for each in samples]}


def bare(decoder: str, sample: Mapping[str, Any]) -> dict[str, Any]:
    """A sample of a device that has none of the decoder's attributes."""
    quantity, flag = LIKE.get(decoder, ("", ""))
    if quantity not in sample:
        return dict(sample)
    return {name: value for name, value in sample.items() if name != quantity} | {"flags": [flag]}


def microseconds(text: str) -> int:
    """An RFC 3339 time as microseconds since 1970, rounded half up."""
    head, _, fraction = re.sub(r"(Z|\+00:00)$", "", text).partition(".")
    whole = datetime.fromisoformat(head).replace(tzinfo=UTC)
    return round(whole.timestamp()) * 1_000_000 + (int(fraction.ljust(9, "0")) + 500) // 1000


def event_id(kind: str, event: Mapping[str, Any], dev_eui: str, at: int) -> str:
    """The identity by its definition, as a UUID's hexadecimal digits."""
    if kind == "txack":
        fields = ["anonymous", kind, dev_eui, str(at), str(event.get("downlinkId", 0)), event.get("queueItemId", "")]
        fields.append(event.get("gatewayId", ""))
    elif kind == "log":
        context = [f"{key}={value}" for key, value in sorted(event.get("context", {}).items())]
        fields = ["anonymous", kind, dev_eui, str(at), event.get("level", "INFO"), event.get("code", "UNKNOWN")]
        fields += [event.get("description", ""), *context]
    else:
        fields = ["event", event["deduplicationId"], kind]
    return hashlib.sha1("\n".join(fields).encode(), usedforsecurity=False).hexdigest()[:32]


if __name__ == "__main__":
    main()
