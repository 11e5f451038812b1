"""Folds inputs into facts: the middle of every topology; pure.

A reading that is newer than all that is known of its device costs one `step`. One that is late is put among the
facts of its device, and everything behind it is stepped again from its own input; so is everything behind the
beginning of a site that was corrected. Either way the facts are those that the right order would have made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple

from pipeline.city.model import Maintenance
from pipeline.core.errors import Reason
from pipeline.core.model import DevEui
from topologies.runtime.alarms import NONE, Alarms
from topologies.runtime.cache import Cache, Known
from topologies.runtime.episodes import NEVER_US, Window, same_assignment
from topologies.runtime.intake import Given, Refusal
from topologies.runtime.model import F, I, Logic, Mark, Place, S, Surroundings
from topologies.runtime.places import Places

_NOBODY: Final = Maintenance()


@dataclass(slots=True)
class Folded(Generic[F, S]):
    """What a batch makes of a partition."""

    known: dict[DevEui, Known[F, S]] = field(default_factory=dict)
    """Devices to show anew."""
    appended: list[F] = field(default_factory=list)
    """Behind all that was known of their devices."""
    changed: list[F] = field(default_factory=list)
    """Late, or others than they were."""
    marks: set[Mark] = field(default_factory=set)
    windows: dict[DevEui, Window[F]] = field(default_factory=dict)
    """Devices whose alerts may have changed."""
    deadlines: dict[DevEui, int] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    discarded: Counter[str] = field(default_factory=Counter)
    """Readings that change nothing, by reason."""


class Late(NamedTuple):
    """From when on a device's facts are needed."""

    device: DevEui
    from_us: int


@dataclass(frozen=True, slots=True)
class Folder(Generic[I, F, S]):
    """A topology's logic with the places that it looks things up in."""

    logic: Logic[I, F, S]
    places: Places
    late_us: int
    """How much older than its device's newest fact a reading may be."""
    maintenance: Maintenance = _NOBODY
    surroundings: Surroundings[I, F, S] | None = None

    def sift(
        self,
        devices: Mapping[DevEui, Known[F, S]],
        given: Mapping[DevEui, Sequence[Given[I]]],
        recompute: Mapping[DevEui, int],
        discarded: Counter[str],
    ) -> tuple[dict[DevEui, list[Given[I]]], list[Late]]:
        """What is not too late, in the order of the records; and whose stored facts the fold needs for it.

        Args:
            devices: what is known of them.
            given: inputs by device.
            recompute: from when on devices are computed anew.
            discarded: counts what is left out.
        """
        kept: dict[DevEui, list[Given[I]]] = {}
        late = {device: from_us for device, from_us in recompute.items() if device in devices}
        for device, inputs in given.items():
            known = devices.get(device)
            fact_us = newest_us = NEVER_US if known is None else known.fact.observed_at_us
            first_us: int | None = None
            mine: list[Given[I]] = []
            for each in inputs:
                at_us = each[0].observed_at_us
                if at_us > newest_us:
                    newest_us = at_us
                elif at_us < newest_us - self.late_us:
                    discarded["too_late"] += 1
                    continue
                elif at_us <= fact_us and (first_us is None or at_us < first_us):
                    first_us = at_us
                mine.append(each)
            if mine:
                kept[device] = mine
            if known is not None and first_us is not None and not _is_repetition(known.fact, mine):
                late[device] = min(first_us, late.get(device, first_us))
        return kept, [Late(device, from_us) for device, from_us in sorted(late.items())]

    def fold(
        self,
        cache: Cache[F, S],
        given: Mapping[DevEui, Sequence[Given[I]]],
        *,
        late: Collection[Late],
        history: Mapping[DevEui, Sequence[F]],
        as_of_us: int | None,
    ) -> Folded[F, S]:
        """Fold a batch.

        Args:
            cache: of the partition; of it only the deadlines are changed.
            given: inputs by device, sifted.
            late: whose facts are in `history`.
            history: the facts of those devices, from the last one before that time on, in order.
            as_of_us: up to when everything was handed over.
        """
        folded: Folded[F, S] = Folded()
        from_us_of = dict(late)
        newest: dict[DevEui, F] = {}
        for device, inputs in given.items():
            known = cache.devices.get(device)
            fact = None if known is None else known.fact
            if device in from_us_of:
                continue
            after = self._append(folded, fact, inputs, as_of_us)
            if after is not None:
                newest[device] = after
        for device, from_us in from_us_of.items():
            newest[device] = self._merge(
                folded,
                cache.devices[device].fact,
                given.get(device, ()),
                facts=history.get(device, ()),
                from_us=from_us,
                as_of_us=as_of_us,
            )
        due = cache.due(as_of_us) if as_of_us is not None else []
        for device in due:
            if device not in newest:
                newest[device] = cache.devices[device].fact
            self._examine_time(folded, newest[device], as_of_us)
        for device, fact in newest.items():
            self._show(folded, cache.devices.get(device), fact, as_of_us)
        folded.marks = _fewest(folded.marks)
        return folded

    def _append(
        self, folded: Folded[F, S], before: F | None, inputs: Sequence[Given[I]], as_of_us: int | None
    ) -> F | None:
        """Facts behind the newest one, in the order of time."""
        logic, places = self.logic, self.places
        known_us = NEVER_US if before is None else before.observed_at_us
        first = before
        place = None if before is None else places.at(before.device, before.observed_at_us)
        examine = False
        alarms = NONE if before is None else logic.alarms(before)
        facts: list[F] = []
        if len(inputs) > 1:
            inputs = _in_order(inputs, folded.discarded)
        for given, record in inputs:
            if before is not None and given.observed_at_us <= before.observed_at_us:
                folded.discarded["repeated"] += 1
                continue
            here = places.at(given.device, given.observed_at_us)
            same = here is place or same_assignment(here, place)
            try:
                fact = logic.step(before if same else None, given, here)
                now = logic.alarms(fact)
                marks = logic.marks_of(None, fact)
            except Exception as bug:  # noqa: BLE001  # a poison reading must not stop the ones behind it
                folded.refusals.append(Refusal(record, Reason.LOGIC_FAILED, repr(bug)))
                continue
            if now is not alarms and now != alarms:
                examine, alarms = True, now
            if marks:
                folded.marks.update(marks)
            facts.append(fact)
            before, place = fact, here
        if not facts:
            return None
        folded.appended += facts
        if examine or (alarms and self._passes(alarms, place, known_us, facts[-1].observed_at_us)):
            window = facts if first is None else [first, *facts]
            rules = {alarm.rule for fact in window for alarm in logic.alarms(fact)}
            folded.windows[facts[0].device] = Window(window, known_us, known_us, as_of_us, rules)
        return facts[-1]

    def _times(self, alarms: Alarms, place: Place | None) -> Iterator[int]:
        """When time alone changes what follows from alarms."""
        for alarm in alarms:
            yield from alarm.times()
            if self.maintenance and place is not None:
                yield self.maintenance.after(place.group, place.site, alarm.opens_us)

    def _passes(self, alarms: Alarms, place: Place | None, from_us: int, to_us: int) -> bool:
        """Whether one of them opens, or is to be told, between two facts that have the same alarms."""
        for alarm in alarms:
            if from_us < alarm.opens_us <= to_us:
                return True
        return bool(self.maintenance) and any(from_us < at_us <= to_us for at_us in self._times(alarms, place))

    def _merge(
        self,
        folded: Folded[F, S],
        newest: F,
        inputs: Sequence[Given[I]],
        *,
        facts: Sequence[F],
        from_us: int,
        as_of_us: int | None,
    ) -> F:
        """Put inputs among a device's facts and step again from `from_us` on."""
        logic, places = self.logic, self.places
        known_us = newest.observed_at_us
        # Where retention has taken even the newest fact there is still what the row of now kept of it.
        olds = {fact.observed_at_us: fact for fact in facts or (newest,)}
        first = olds[min(olds)]
        if any(alarm.since_us < first.observed_at_us for alarm in logic.alarms(first)):
            # There was one before it, which is gone: it stays as it is, and what is behind goes on from it.
            from_us = max(from_us, first.observed_at_us + 1)
        news: dict[int, Given[I]] = {}
        for each in _in_order(inputs, folded.discarded):
            at_us, event_id = each[0].observed_at_us, each[0].event_id
            old = olds.get(at_us)
            # Of two frames of one time the smaller id holds, whichever came first.
            if old is not None and old.event_id <= event_id:
                folded.discarded["repeated"] += 1
            else:
                news[at_us] = each
        before: F | None = None
        place: Place | None = None
        window: list[F] = []
        for at_us in sorted({*olds, *news}):
            old, new = olds.get(at_us), news.get(at_us)
            if at_us < from_us and old is not None:
                before, place, window = old, places.at(old.device, at_us), [old]
                continue
            here = places.at(newest.device, at_us)
            same = here is place or same_assignment(here, place)
            try:
                given = new[0] if new is not None else logic.given(old)  # type: ignore[arg-type]  # one of them is there
                fact = logic.step(before if same else None, given, here)
                logic.alarms(fact)
                marks = logic.marks_of(old, fact)
            except Exception as bug:  # noqa: BLE001  # a poison reading must not stop the ones behind it
                if new is not None:
                    folded.refusals.append(Refusal(new[1], Reason.LOGIC_FAILED, repr(bug)))
                if old is None:
                    continue
                fact, marks = old, ()
            if fact != old:
                folded.changed.append(fact)
            folded.marks.update(marks)
            window.append(fact)
            before, place = fact, here
        if rules := {alarm.rule for fact in (*window, *olds.values()) for alarm in logic.alarms(fact)}:
            # What was over before is of facts that are gone by now, if there were any.
            folded.windows[newest.device] = Window(window, window[0].observed_at_us, known_us, as_of_us, rules)
        return window[-1]

    def _examine_time(self, folded: Folded[F, S], fact: F, as_of_us: int | None) -> None:
        """Time alone opens alerts, ends them and lets them be told, even where no fact comes any more."""
        if fact.device not in folded.windows and (alarms := self.logic.alarms(fact)):
            at_us = fact.observed_at_us
            rules = {alarm.rule for alarm in alarms}
            folded.windows[fact.device] = Window([fact], at_us, at_us, as_of_us, rules)

    def _show(self, folded: Folded[F, S], known: Known[F, S] | None, fact: F, as_of_us: int | None) -> None:
        logic = self.logic
        device, at_us = fact.device, fact.observed_at_us
        then = self.places.at(device, at_us)
        here = then
        if as_of_us is not None and as_of_us > at_us:
            here = self.places.at(device, as_of_us)
            if not same_assignment(then, here):
                here = None
        shown = logic.show(fact, here, as_of_us)
        before = None if known is None else known.shown
        if shown != before:
            folded.marks.update(logic.marks(before, shown))
        if known is None or known.fact is not fact or shown != before:
            folded.known[device] = Known(fact, shown)
        ahead = [each for each in self.deadlines(fact, then) if as_of_us is None or each > as_of_us]
        if ahead:
            folded.deadlines[device] = min(ahead)

    def deadlines(self, fact: F, place: Place | None) -> Iterator[int]:
        """When time alone changes something, if no other fact comes than this one of a place."""
        if (deadline_us := self.logic.deadline_us(fact)) is not None:
            yield from deadline_us if isinstance(deadline_us, tuple) else (deadline_us,)
        if place is not None and place.until_us is not None:
            yield place.until_us
        if alarms := self.logic.alarms(fact):
            yield from self._times(alarms, place)


def schedule_all(cache: Cache[F, S], folder: Folder[Any, F, S]) -> None:
    """Have every device of a cache that was just loaded looked at when time changes something.

    Times that are past are not left out: what is stored is looked at once with the rules of this process.
    """
    for device, known in cache.devices.items():
        times = folder.deadlines(known.fact, folder.places.at(device, known.fact.observed_at_us))
        cache.schedule(device, min(times, default=None))


def _fewest(marks: Collection[Mark]) -> set[Mark]:
    """Without those that an earlier one of their subject includes."""
    found: set[Mark] = set()
    earliest: dict[tuple[str, str], Mark] = {}
    for mark in marks:
        what, subject, bucket_us, onward = mark
        if not onward or bucket_us is None:
            found.add(mark)
            continue
        known = earliest.get((what, subject))
        if known is None or known.bucket_us is None or bucket_us < known.bucket_us:
            earliest[what, subject] = mark
    found.update(earliest.values())
    return found


def _is_repetition(fact: Any, inputs: Sequence[Given[Any]]) -> bool:
    """Whether none of the inputs is older than the fact, and one of its time is the very same."""
    return all(
        given.observed_at_us > fact.observed_at_us
        or (given.observed_at_us == fact.observed_at_us and given.event_id == fact.event_id)
        for given, _ in inputs
    )


def _in_order(inputs: Sequence[Given[I]], discarded: Counter[str]) -> Sequence[Given[I]]:
    """By time; of one time only the input with the smallest id."""
    previous_us = NEVER_US
    for given, _ in inputs:
        if given.observed_at_us <= previous_us:
            break
        previous_us = given.observed_at_us
    else:
        return inputs
    kept: list[Given[I]] = []
    for each in sorted(inputs, key=lambda each: (each[0].observed_at_us, each[0].event_id)):
        if kept and kept[-1][0].observed_at_us == each[0].observed_at_us:
            discarded["repeated"] += 1
        else:
            kept.append(each)
    return kept
