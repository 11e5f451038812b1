"""Reads raw records into frames, readings and dead letters. Pure: the loop next door does the fetching.

Every raw record leaves in exactly one way: as a frame record with a verdict (an accepted one with a reading beside
it), as a forwarded tick, or, where not even its device is known, as a dead letter alone. A rejected one is both a
frame record, since the device lives, and a dead letter, which keeps the bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from decoders.api import DecodeError, Decoder, Sample, Uplink
from decoders.registry import vocabulary
from pipeline.core import ticks, topics
from pipeline.core.deadletter import REPLAYED_HEADER, dead_letter
from pipeline.core.errors import Reason, Reject
from pipeline.core.model import Outgoing, Record
from pipeline.decode.binding import Bindings
from pipeline.decode.duplicates import COPY_IN_DOUBT, NEW, Finding, History
from pipeline.decode.origin import is_replayed, origin_of, seen_of, seen_unreadable
from pipeline.decode.reading import Readings
from pipeline.event.model import ACK, LOG, STATUS, TXACK, DeviceInfo, Event
from pipeline.event.read import read_event
from schemas.silkstream.v1 import frame_pb2

STAGE: Final = "decode"
CLOCK_AHEAD: Final = "clock_ahead"

ACCEPTED: Final = frame_pb2.VERDICT_ACCEPTED
NO_PAYLOAD: Final = frame_pb2.VERDICT_NO_PAYLOAD
DUPLICATE: Final = frame_pb2.VERDICT_DUPLICATE
REJECTED: Final = frame_pb2.VERDICT_REJECTED
IGNORED: Final = frame_pb2.VERDICT_IGNORED
EVENT: Final = frame_pb2.VERDICT_EVENT

_REASONS: Final = {reason.value: reason for reason in Reason}


@dataclass(slots=True)
class State:
    """What decode knows of one partition: owned by the batch function, thrown away on any fault."""

    history: History
    next_offset: int = -1


@dataclass(slots=True)
class Outcome:
    """What a batch of one partition became, in its order."""

    records: list[Outgoing] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    """How many records ended as what: verdict names, reasons for the rejected ones."""
    newest_us: int = 0
    """The newest gateway receive time in the batch."""


class BatchDecoder:
    """The pure function `(state, records) -> outcome`, with what it is configured with."""

    def __init__(self, decoders: Mapping[str, Decoder], bindings: Bindings, *, namespace: str = "") -> None:
        self._bindings = bindings
        self._namespace = namespace
        families = sorted({decoder.family for decoder in decoders.values()})
        self._frame_topic = namespace + topics.FRAME
        self._reading_topics = {family: namespace + topics.readings(family) for family in families}
        self._tick_topics = (self._frame_topic, *self._reading_topics.values())
        self._readings = Readings(decoders.values(), vocabulary(decoders.values()))
        self._described: dict[str, tuple[DeviceInfo, bytes]] = {}

    def decode(self, state: State, records: Sequence[Record]) -> Outcome:
        """Decode a batch of one partition.

        Args:
            state: of the partition; changed in place. Where the outputs could not be written, it must be thrown away.
            records: raw records in offset order.
        """
        outcome = Outcome()
        for record in records:
            if record.key is None and ticks.is_tick(record):
                self._tick(state, record, outcome)
            else:
                self._event(state, record, outcome)
        if records:
            state.next_offset = records[-1].offset + 1
        return outcome

    def remember(self, state: State, records: Sequence[Record]) -> None:
        """Take records into the history without any output: on assignment, for the horizon behind us."""
        for record in records:
            if record.key is not None:
                (event, ingested_us), dev_eui = origin_of(record), record.key.decode(errors="replace")
                try:
                    found = read_event(event, record.value or b"", dev_eui=dev_eui)
                    seen = seen_of(record, found, ingested_us)
                except Reject:
                    seen = seen_unreadable(record, event, dev_eui)
                state.history.judge(dev_eui, seen)
            state.next_offset = record.offset + 1

    def _tick(self, state: State, record: Record, outcome: Outcome) -> None:
        headers = (
            (ticks.EVENT_HEADER, ticks.TICK),
            (ticks.RAW_OFFSET_HEADER, b"%d" % record.offset),
        )
        for topic in self._tick_topics:
            outcome.records.append(Outgoing(topic, record.partition, record.timestamp, None, record.value, headers))
        outcome.verdicts["tick"] += 1
        state.history.forget_silent(record.timestamp)

    def _event(self, state: State, record: Record, outcome: Outcome) -> None:
        key = record.key
        event, ingested_us = origin_of(record)
        if key is None or not event:
            self._refuse(record, outcome, Reject(Reason.RECORD_UNREADABLE, "a raw record without key or event header"))
            return
        dev_eui = key.decode(errors="replace")
        try:
            found = read_event(event, record.value or b"", dev_eui=dev_eui)
        except Reject as reject:
            self._unread(state, record, outcome, event=event, dev_eui=dev_eui, reject=reject)
            return
        seen = seen_of(record, found, ingested_us)
        finding = state.history.judge(dev_eui, seen)
        device, described = self._known(found.device)
        # Set one by one: half of what keyword arguments to the constructor cost.
        frame = frame_pb2.Frame()
        frame.event_id = seen.event_id
        frame.dev_eui = dev_eui
        frame.event = event
        frame.observed_at_us = seen.observed_us
        frame.ingested_at_us = ingested_us
        frame.raw_offset = record.offset
        frame.region = found.region
        if seen.observed_us != found.time_us:
            frame.flags.append(CLOCK_AHEAD)
        if finding is not NEW:
            if finding.in_doubt:
                frame.flags.append(COPY_IN_DOUBT)
            if is_replayed(record):
                frame.flags.append(REPLAYED_HEADER)
                finding = NEW
        outcome.newest_us = max(outcome.newest_us, found.time_us)
        if seen.frame_id is not None:
            frame.frame_id = seen.frame_id
            verdict = self._uplink(record, outcome, found, device, frame=frame, finding=finding)
        else:
            _describe_event(frame, found)
            frame.verdict = EVENT
            verdict = _VERDICT_NAMES[EVENT]
        if finding.duplicate_of is not None:
            _mark_duplicate(frame, finding)
            verdict = _VERDICT_NAMES[DUPLICATE]
        outcome.verdicts[verdict] += 1
        self._emit(outcome, record, frame, described)

    def _uplink(
        self, record: Record, outcome: Outcome, event: Event, device: DeviceInfo, *, frame: Any, finding: Finding
    ) -> str:
        """Fill in the uplink's part of the frame record; append its reading where it is accepted.

        Returns:
            What it is counted as.
        """
        data = event.data
        frame.dev_addr = event.dev_addr
        frame.f_cnt = event.f_cnt
        frame.f_port = event.f_port
        frame.confirmed = event.confirmed
        frame.data_rate = event.data_rate
        frame.payload_bytes = len(data)
        frame.frequency_hz = event.frequency_hz
        frame.spreading_factor = event.spreading_factor
        add_gateway = frame.gateways.add
        for gateway in event.gateways:
            heard = add_gateway()
            heard.gateway_id, heard.rssi_dbm, heard.snr_db = gateway
        if finding.duplicate_of is not None:
            return ""
        if not data or event.f_port == 0:
            frame.verdict = NO_PAYLOAD
            return _VERDICT_NAMES[NO_PAYLOAD]
        decoder: Decoder | None = None
        try:
            decoder, attributes = self._bindings.of(device)
            if decoder is None:
                frame.verdict = IGNORED
                return _VERDICT_NAMES[IGNORED]
            frame.decoder = decoder.name
            frame.decoder_version = decoder.version
            frame.family = decoder.family
            samples = _decoded(decoder, Uplink(event.f_port, data, attributes))
            reading = self._reading(record, decoder, samples, frame) if samples else None
        except Reject as reject:
            frame.verdict = REJECTED
            frame.reason = reject.reason.value
            frame.detail = str(reject)
            outcome.records.append(
                dead_letter(
                    record,
                    reason=reject.reason,
                    stage=STAGE,
                    detail=str(reject),
                    namespace=self._namespace,
                    decoder=decoder.name if decoder else "",
                    decoder_version=decoder.version if decoder else "",
                )
            )
            return reject.reason.value
        frame.verdict = ACCEPTED
        frame.samples = len(samples)
        if reading is not None:
            outcome.records.append(reading)
        return _VERDICT_NAMES[ACCEPTED]

    def _reading(self, record: Record, decoder: Decoder, samples: Sequence[Sample], frame: Any) -> Outgoing:
        """The record of a reading.

        Raises:
            Reject: decoder_failed: the samples are not what the decoder declared.
        """
        try:
            value = self._readings.serialised(frame, samples, history_step_seconds=decoder.history_step_seconds)
        except Exception as bug:
            raise Reject(Reason.DECODER_FAILED, f"its samples: {type(bug).__name__}: {bug}") from bug
        return Outgoing(self._reading_topics[decoder.family], record.partition, record.timestamp, record.key, value)

    def _unread(
        self, state: State, record: Record, outcome: Outcome, *, event: str, dev_eui: str, reject: Reject
    ) -> None:
        """An event that cannot be read: the device lives all the same, so it has a frame record too."""
        seen = seen_unreadable(record, event, dev_eui)
        finding = state.history.judge(dev_eui, seen)
        _, ingested_us = origin_of(record)
        frame = frame_pb2.Frame(
            event_id=seen.event_id,
            dev_eui=dev_eui,
            event=event,
            verdict=REJECTED,
            reason=reject.reason.value,
            detail=str(reject),
            observed_at_us=ingested_us,
            ingested_at_us=ingested_us,
            raw_offset=record.offset,
        )
        if finding.duplicate_of is not None and not is_replayed(record):
            _mark_duplicate(frame, finding)
            outcome.verdicts[_VERDICT_NAMES[DUPLICATE]] += 1
        else:
            self._refuse(record, outcome, reject)
        self._emit(outcome, record, frame, b"")

    def _refuse(self, record: Record, outcome: Outcome, reject: Reject) -> None:
        outcome.verdicts[reject.reason.value] += 1
        outcome.records.append(
            dead_letter(record, reason=reject.reason, stage=STAGE, detail=str(reject), namespace=self._namespace)
        )

    def _emit(self, outcome: Outcome, record: Record, frame: Any, device: bytes) -> None:
        # Protobuf merges what is concatenated: the device's description is serialised once, not with every frame.
        value = frame.SerializeToString() + device
        outcome.records.append(Outgoing(self._frame_topic, record.partition, record.timestamp, record.key, value))

    def _known(self, device: DeviceInfo) -> tuple[DeviceInfo, bytes]:
        """The kept description that equals this one, and its field of a frame as bytes."""
        kept = self._described.get(device.dev_eui)
        if kept is not None and kept[0] == device:
            return kept
        message = frame_pb2.Frame(
            device=frame_pb2.Device(
                name=device.name,
                profile=device.profile,
                application=device.application,
                application_id=device.application_id,
                tenant=device.tenant,
                device_class=device.device_class,
                tags=device.tags,
            )
        )
        kept = self._described[device.dev_eui] = (device, message.SerializeToString(deterministic=True))
        return kept


_VERDICT_NAMES: Final = {number: name.removeprefix("VERDICT_").lower() for name, number in frame_pb2.Verdict.items()}


def _decoded(decoder: Decoder, uplink: Uplink) -> Sequence[Sample]:
    try:
        return tuple(decoder.decode(uplink))
    except DecodeError as wrong:
        raise Reject(_REASONS.get(wrong.reason, Reason.DECODER_FAILED), str(wrong)) from wrong
    except Exception as bug:
        # A plugin's bug must not stop the city: the frame is kept and the decoder named.
        raise Reject(Reason.DECODER_FAILED, f"{type(bug).__name__}: {bug}") from bug


def _mark_duplicate(frame: Any, finding: Finding) -> None:
    frame.verdict = DUPLICATE
    frame.reason = frame.detail = ""
    frame.duplicate_of = finding.duplicate_of
    frame.duplicate_of_us = finding.duplicate_of_us


def _describe_event(frame: Any, event: Event) -> None:
    frame.dev_addr = event.dev_addr
    if event.type == STATUS:
        frame.status.margin_db = event.margin_db
        frame.status.external_power = event.external_power
        if event.battery_ratio is not None:
            frame.status.battery_ratio = event.battery_ratio
    elif event.type == LOG:
        frame.log.level, frame.log.code, frame.log.description = event.level, event.code, event.description
    elif event.type in {ACK, TXACK}:
        frame.downlink.queue_item_id = event.queue_item_id
        frame.downlink.acknowledged = event.acknowledged
        frame.downlink.f_cnt_down = event.f_cnt_down
        frame.downlink.gateway_id = event.gateway_id
