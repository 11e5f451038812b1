"""From the frames of one device to the messages that ChirpStack publishes about it.

Here are counted the frames, and here things go wrong: what is lost, broken, repeated or late is decided by the
device's own generator, so the fate of each message is known when it is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

from pipeline.core.clock import DAY_US, SECOND_US
from pipeline.core.identity import event_id, text
from pipeline.event.read import read_event
from pipeline.simulator.battery import LEVELS, battery_of, device_status_percent
from pipeline.simulator.breakdowns import gateway_outages, within
from pipeline.simulator.chirpstack import RETRANSMISSION, Events, Uplink, derived_uuid, identity, topic
from pipeline.simulator.city import CityPlan
from pipeline.simulator.devices import Device
from pipeline.simulator.frames import Fate, Frame, Planned, randomness
from pipeline.simulator.mishaps import broken
from pipeline.simulator.moments import Start
from pipeline.simulator.radio import Link, Reception, receptions
from pipeline.simulator.voices.starts import notices

LATENCY_US: Final = 200_000
"""What passes between a gateway's reception and the event: ChirpStack waits for other gateways."""

SPACING_US: Final = 2 * SECOND_US
"""Between two frames of a device: the receive windows of class A."""

QUIET_US: Final = 120 * SECOND_US
"""Before a session ends: longer than any copy is late, so no copy of the old session comes in the new one."""

NEVER_US: Final = 1 << 62
Ordered = tuple[int, int, int, Planned]
"""Time of publishing, the device's place among all, the number of its message, the message."""


class Session:
    """One device's life on the network, from its first frame in the plan's time to its last."""

    def __init__(self, plan: CityPlan, device: Device, *, events: Events, link: Link) -> None:
        self._plan = plan
        self._device = device
        self._events = events
        self._link = link
        self._outages = {station.gateway_id: gateway_outages(plan, station.gateway_id) for station, _ in link.paths}
        self._rng = rng = randomness(plan.seed, device.dev_eui, "session")
        application_id = identity(plan.seed, device).application_id
        self._topics = {
            event: topic(device, application_id, event) for event in ("up", "join", "status", "log", "txack", "ack")
        }
        self._battery = battery_of(plan.seed, device.dev_eui, plan.start_us)
        self._limit_us = plan.end_us + LATENCY_US
        self._pending: list[tuple[int, int, Planned]] = []
        self._numbered = 0
        self._identified = 0
        self._sessions = 0
        self._last_us = plan.start_us - QUIET_US - SECOND_US
        self._copy_until_us = 0
        self._unconfirmed: str | None = None
        self._f_cnt_down = rng.randrange(1, 200)
        self._f_cnt = rng.randrange(1, 60_000)
        self._dev_addr = self._new_address()
        self._restart_us = self._after(plan.start_us, plan.abp_resets_per_day if device.abp else plan.joins_per_day)
        if plan.join_at_start and not device.abp:
            self._restart_us = plan.start_us
        every = plan.statuses_per_day
        self._status_us = plan.start_us + int(rng.random() * DAY_US / every) if every > 0 else NEVER_US
        self._downlink_us = self._after(plan.start_us, plan.downlinks_per_day)

    def play(self, frames: Iterable[Frame]) -> Iterator[Ordered]:
        """The messages in the order of their publishing."""
        rng, plan = self._rng, self._plan
        for frame in frames:
            at = max(frame.at_us, self._last_us + SPACING_US)
            if at >= plan.end_us:
                break
            yield from self._due(at)
            if at >= self._restart_us and at - self._last_us > QUIET_US:
                at = self._restart(at, frame)
            self._transmit(frame._replace(at_us=at))
            if rng.random() < plan.empty_share:
                self._transmit(Frame(self._last_us + SPACING_US + rng.randrange(SPACING_US), 0, b""))
        yield from self._due(NEVER_US)

    def _due(self, until_us: int) -> Iterator[Ordered]:
        while self._pending and self._pending[0][0] <= until_us:
            at, number, planned = heappop(self._pending)
            if at < self._limit_us:
                yield at, self._device.index, number, planned

    def _after(self, at_us: int, per_day: float) -> int:
        return at_us + int(self._rng.expovariate(per_day) * DAY_US) if per_day > 0 else NEVER_US

    def _new_address(self) -> str:
        return f"{self._rng.getrandbits(25):08x}"

    def _new_id(self) -> str:
        self._identified += 1
        return derived_uuid(self._plan.seed, self._device.dev_eui, self._identified)

    def _push(self, at_us: int, event: str, payload: bytes, *, key: str, fate: Fate, says: float | None = None) -> None:
        """Plan a message, and perhaps its repetition: a server that hears no acknowledgement sends it again."""
        planned = Planned(at_us, self._topics[event], payload, self._device.dev_eui, event, key, fate, says)
        self._numbered += 1
        heappush(self._pending, (at_us, self._numbered, planned))
        if self._rng.random() < self._plan.duplicate_share:
            again = at_us + self._rng.randrange(10_000, 20 * SECOND_US)
            self._numbered += 1
            repetition = planned._replace(at_us=again, fate=Fate.DUPLICATE)
            heappush(self._pending, (again, self._numbered, repetition))

    def _restart(self, at_us: int, frame: Frame) -> int:
        """The device starts again: by a join, or (ABP) by counting from 0; returns when its next frame is sent."""
        device, plan = self._device, self._plan
        self._f_cnt = self._f_cnt_down = 0
        self._unconfirmed = None
        self._restart_us = self._after(at_us, plan.abp_resets_per_day if device.abp else plan.joins_per_day)
        if not device.abp:
            self._dev_addr = self._new_address()
            # at the very beginning there is no time before the frame
            joined_us = max(at_us - 6 * SECOND_US, plan.start_us)
            deduplication_id = self._new_id()
            self._push(
                joined_us + LATENCY_US,
                "join",
                self._events.join(deduplication_id, joined_us, dev_addr=self._dev_addr),
                key=text(event_id(deduplication_id, "join")),
                fate=Fate.ACCEPTED,
            )
        start = Start(
            device=device,
            at_us=at_us,
            before_us=max(self._last_us, plan.start_us),
            number=0,
            battery=self._battery,
            says=frame.says,
        )
        for notice in notices(start):
            self._transmit(notice._replace(at_us=at_us))
            at_us = self._last_us + SPACING_US + SECOND_US
        return at_us

    def _transmit(self, frame: Frame) -> None:
        rng, plan = self._rng, self._plan
        at = self._last_us = frame.at_us
        f_cnt = self._f_cnt
        self._f_cnt += 1
        if rng.random() < plan.lost_share:
            self._lose(at, frame)
            return
        fate = Fate.ACCEPTED if frame.payload else Fate.NO_PAYLOAD
        regular = frame.f_port != 0 and not frame.notice
        if regular and rng.random() < plan.broken_share:
            frame, fate = broken(rng, self._device.model.decoder, frame), Fate.BROKEN
        heard = self._heard(at)
        if not heard:
            self._lose(at, frame)
            return
        if at >= self._status_us:
            self._status(at, heard[0])
        uplink = Uplink(
            deduplication_id=self._new_id(),
            dev_addr=self._dev_addr,
            f_cnt=f_cnt,
            f_port=frame.f_port,
            confirmed=rng.random() < plan.confirmed_share,
            data=frame.payload,
            receptions=heard,
        )
        self._up(uplink, fate, frame.says)
        self._downlinks(at, heard[0])
        if fate is Fate.ACCEPTED and at > self._copy_until_us and rng.random() < plan.late_copy_share:
            late = at + rng.randrange(SECOND_US, 30 * SECOND_US)
            self._copy_until_us = late
            # one distant gateway's account of the same transmission, behind a slow line
            copies = [each._replace(gw_time_us=late) for each in self._heard(late)[-1:]]
            if copies:
                copy = uplink._replace(deduplication_id=self._new_id(), receptions=copies)
                self._up(copy, Fate.LATE_COPY, frame.says)
        elif rng.random() < plan.retransmission_log_share:
            self._retransmission(at + rng.randrange(SECOND_US, 5 * SECOND_US), f_cnt)

    def _lose(self, at_us: int, frame: Frame) -> None:
        self._numbered += 1
        lost = Planned(at_us + LATENCY_US, "", b"", self._device.dev_eui, "up", "", Fate.LOST, frame.says)
        heappush(self._pending, (lost.at_us, self._numbered, lost))

    def _heard(self, at_us: int) -> list[Reception]:
        """Who hears a transmission; nobody where all gateways within reach are silent."""
        heard = receptions(self._rng, self._link, at_us)
        return [each for each in heard if not within(self._outages[each.gateway.gateway_id], at_us)]

    def _up(self, uplink: Uplink, fate: Fate, says: float | None) -> None:
        key = text(event_id(uplink.deduplication_id, "up"))
        self._push(uplink.time_us + LATENCY_US, "up", self._events.up(uplink), key=key, fate=fate, says=says)

    def _status(self, at_us: int, best: Reception) -> None:
        """The answer to a device-status request; it travels in the uplink, and its event comes just before."""
        self._status_us += int(DAY_US / self._plan.statuses_per_day)
        percent = None
        if not self._device.model.mains_powered:
            percent = device_status_percent(max(1, round(self._battery.ratio(at_us) * LEVELS)))
        needed_db = -7.5 - 2.5 * (self._link.spreading_factor - 7)
        deduplication_id = self._new_id()
        payload = self._events.status(
            deduplication_id, at_us, margin=max(0, min(31, int(best.snr_db - needed_db))), battery_percent=percent
        )
        key = text(event_id(deduplication_id, "status"))
        self._push(at_us + LATENCY_US, "status", payload, key=key, fate=Fate.ACCEPTED)

    def _downlinks(self, at_us: int, best: Reception) -> None:
        """What the uplink brings about: the acknowledgement of the last downlink, the sending of the next."""
        if self._unconfirmed is not None:
            deduplication_id = self._new_id()
            payload = self._events.ack(
                deduplication_id, at_us, queue_item_id=self._unconfirmed, f_cnt_down=self._f_cnt_down
            )
            key = text(event_id(deduplication_id, "ack"))
            self._push(at_us + LATENCY_US, "ack", payload, key=key, fate=Fate.ACCEPTED)
            self._unconfirmed = None
        if at_us < self._downlink_us:
            return
        self._downlink_us = self._after(at_us, self._plan.downlinks_per_day)
        self._f_cnt_down += 1
        self._unconfirmed = item = self._new_id()
        sent_ns = (at_us + 381_000) * 1000 + self._rng.randrange(1, 1000)
        payload = self._events.txack(
            sent_ns,
            downlink_id=self._rng.getrandbits(32) or 1,
            queue_item_id=item,
            f_cnt_down=self._f_cnt_down,
            gateway=best.gateway,
        )
        self._push(at_us + 2 * LATENCY_US, "txack", payload, key=self._own_key("txack", payload), fate=Fate.ACCEPTED)

    def _retransmission(self, at_us: int, f_cnt: int) -> None:
        """The server has refused a copy of a frame by its counter, and says so."""
        deduplication_id = self._new_id()
        payload = self._events.log(
            at_us,
            code="UPLINK_F_CNT_RETRANSMISSION",
            description=RETRANSMISSION,
            context={"f_cnt_up": str(f_cnt), "deduplication_id": deduplication_id},
        )
        self._push(at_us + LATENCY_US, "log", payload, key=self._own_key("log", payload), fate=Fate.ACCEPTED)

    def _own_key(self, event: str, payload: bytes) -> str:
        """The identity of an event without a deduplicationId: which of its fields count is the reader's to say."""
        return text(read_event(event, payload, dev_eui=self._device.dev_eui).event_id)
