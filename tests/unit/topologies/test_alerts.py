"""How episodes find their alerts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from topologies.runtime.alerts import Alert, Reconciled, Stretch, Told, reconcile_all
from topologies.runtime.alerts import reconcile as reconcile_at
from topologies.runtime.episodes import Episode
from topologies.runtime.model import Opened, Rule

RULE = Rule("too_full", "warning", "alerts.test.v1")
OPENED = Opened(0.9, 0.8, "voll", "full")


def episode(
    since: int, resolved: int | None, *, site: str = "s", event: int | None = None, tells: int | None = None
) -> Episode:
    return Episode(
        site=site,
        since_us=since,
        opens_us=since,
        ended_us=resolved,
        resolved_us=resolved,
        settled_us=resolved or since,
        tells_us=since if tells is None else tells,
        opened_event=bytes([event or since]) * 16,
        opened=OPENED,
    )


def reconcile(
    rule: Rule,
    device: str,
    *,
    found: Sequence[Episode],
    stored: Sequence[Alert],
    known_us: int,
    horizon_us: int = 50,
    taken: Sequence[bytes] = (),
) -> Reconciled:
    """At some late time."""
    return reconcile_at(Stretch(rule, device, found, stored, known_us, horizon_us), taken)


def alert(
    since: int, resolved: int | None, *, name: int = 99, retrospective: bool = False, silenced: bool = False
) -> Alert:
    return Alert(
        id=bytes([name]) * 16,
        rule=RULE.name,
        subject="s",
        site="s",
        device="d",
        since_us=since,
        resolved_us=resolved,
        opened_event=bytes([since]) * 16,
        value=0.9,
        limit=0.8,
        retrospective=retrospective,
        silenced=silenced,
        message_de="voll",
        message_en="full",
    )


def kinds(told: list[Told]) -> list[tuple[str, int]]:
    return [(each.kind, each.alert.since_us) for each in told]


def test_a_new_episode_opens_an_alert() -> None:
    outcome = reconcile(RULE, "d", found=[episode(5, None)], stored=[], known_us=4)

    assert kinds(outcome.told) == [("open", 5)]
    assert [(a.since_us, a.status, a.retrospective) for a in outcome.stored] == [(5, "open", False)]


def test_an_episode_that_is_stored_already_changes_nothing() -> None:
    outcome = reconcile(RULE, "d", found=[episode(5, 9)], stored=[alert(5, 9)], known_us=20)

    assert outcome == ([], [], [])


def test_an_episode_within_one_batch_is_told_from_beginning_to_end() -> None:
    outcome = reconcile(RULE, "d", found=[episode(5, 9)], stored=[], known_us=4)

    assert kinds(outcome.told) == [("open", 5), ("resolved", 5)]


def test_what_was_over_before_it_was_known_is_retrospective_and_not_told() -> None:
    outcome = reconcile(RULE, "d", found=[episode(5, 9)], stored=[], known_us=9)

    assert outcome.told == []
    assert [a.retrospective for a in outcome.stored] == [True]


def test_a_retrospective_alert_that_turns_out_to_go_on_is_told_after_all() -> None:
    before = alert(5, 9, retrospective=True)
    outcome = reconcile(RULE, "d", found=[episode(5, None)], stored=[before], known_us=20)

    assert kinds(outcome.told) == [("open", 5)]
    assert [(a.id, a.retrospective) for a in outcome.stored] == [(before.id, False)]


def test_an_open_alert_goes_on_in_the_open_episode_when_late_data_cut_it() -> None:
    before = alert(5, None)
    outcome = reconcile(RULE, "d", found=[episode(5, 7), episode(9, None)], stored=[before], known_us=20)

    by_begin = {a.since_us: a for a in outcome.stored}
    assert by_begin[9].id == before.id
    assert by_begin[5].id != before.id
    assert by_begin[5].retrospective
    assert kinds(outcome.told) == [("updated", 9)]


def test_the_part_that_was_cut_off_gets_an_id_of_its_own_though_the_same_frame_opened_it() -> None:
    (first,) = reconcile(RULE, "d", found=[episode(5, None)], stored=[], known_us=4).stored
    outcome = reconcile(RULE, "d", found=[episode(5, 7), episode(9, None)], stored=[first], known_us=20)

    assert len({a.id for a in outcome.stored}) == 2
    (cut,) = [a for a in outcome.stored if a.since_us == 5]
    again = reconcile(RULE, "d", found=[episode(5, 6)], stored=[], known_us=20, taken=[first.id, cut.id])
    assert again.stored[0].id not in {first.id, cut.id}


class Ids:
    """Those that a database has."""

    def __init__(self, *ids: bytes) -> None:
        self.ids = ids

    async def taken(self, ids: Collection[bytes]) -> Collection[bytes]:
        return [each for each in ids if each in self.ids]


async def test_no_id_is_given_that_an_alert_out_of_sight_has() -> None:
    stretch = Stretch(RULE, "d", [episode(5, None)], [], 4, 50)
    (first,) = reconcile_at(stretch).stored
    (second,) = reconcile_at(stretch, [first.id]).stored
    third = await reconcile_all([stretch], Ids(first.id, second.id))

    assert third.stored[0].id not in {first.id, second.id}
    assert kinds(third.told) == [("open", 5)]
    assert third.told[0].alert == third.stored[0]


async def test_an_alert_that_is_known_keeps_its_id() -> None:
    before = alert(5, None)
    after = await reconcile_all([Stretch(RULE, "d", [episode(5, 9)], [before], 4, 50)], Ids(before.id))

    assert [(each.id, each.status) for each in after.stored] == [(before.id, "resolved")]


def test_two_episodes_that_become_one_keep_the_open_alert_and_delete_the_other() -> None:
    older, current = alert(5, 7, name=1), alert(9, None, name=2)
    outcome = reconcile(RULE, "d", found=[episode(5, None)], stored=[older, current], known_us=20)

    assert [(a.id, a.since_us) for a in outcome.stored] == [(current.id, 5)]
    assert outcome.deleted == [older.id]
    assert [(each.kind, each.alert.id, each.withdrawn) for each in outcome.told] == [
        ("resolved", older.id, True),
        ("updated", current.id, False),
    ]


def test_an_alert_without_an_episode_is_withdrawn_also_one_that_was_over_but_none_that_nobody_was_told_of() -> None:
    is_open, resolved, past = alert(9, None, name=1), alert(5, 7, name=2), alert(2, 3, name=3, retrospective=True)
    outcome = reconcile(RULE, "d", found=[], stored=[is_open, resolved, past], known_us=20)

    assert set(outcome.deleted) == {is_open.id, resolved.id, past.id}
    told = {(each.kind, each.alert.id, each.withdrawn) for each in outcome.told}
    assert told == {("resolved", is_open.id, True), ("resolved", resolved.id, True)}


def test_an_alert_of_another_site_is_never_taken_over() -> None:
    outcome = reconcile(RULE, "d", found=[episode(5, None, site="other")], stored=[alert(5, None)], known_us=4)

    assert kinds(outcome.told) == [("resolved", 5), ("open", 5)]
    assert [t.withdrawn for t in outcome.told] == [True, False]


def test_an_episode_that_began_before_the_window_keeps_what_the_alert_said() -> None:
    before = alert(5, None)
    outcome = reconcile(
        RULE,
        "d",
        found=[episode(5, 30)._replace(is_earlier=True, opened=OPENED._replace(message_en="?"))],
        stored=[before],
        known_us=20,
    )

    assert outcome.stored == [before._replace(resolved_us=30)]
    assert kinds(outcome.told) == [("resolved", 5)]


def test_what_opens_during_maintenance_is_kept_and_told_when_that_is_over() -> None:
    ours = episode(5, None, tells=30)
    during = reconcile(RULE, "d", found=[ours], stored=[], known_us=4, horizon_us=29)

    assert during.told == []
    (kept,) = during.stored
    assert (kept.status, kept.silenced) == ("open", True)
    behind = reconcile(RULE, "d", found=[ours], stored=[kept], known_us=5, horizon_us=30)
    assert kinds(behind.told) == [("open", 5)]
    assert behind.stored == [kept._replace(silenced=False)]


def test_what_begins_and_ends_during_maintenance_is_never_told() -> None:
    outcome = reconcile(RULE, "d", found=[episode(5, 20, tells=30)], stored=[], known_us=4)

    assert outcome.told == []
    assert [(a.status, a.silenced) for a in outcome.stored] == [("resolved", True)]


def test_who_was_told_before_maintenance_hears_of_the_end_during_it() -> None:
    before = alert(5, None)
    outcome = reconcile(RULE, "d", found=[episode(5, 20, tells=30)], stored=[before], known_us=10, horizon_us=20)

    assert kinds(outcome.told) == [("resolved", 5)]
    assert outcome.stored == [before._replace(resolved_us=20)]


def test_what_was_over_before_it_was_known_but_may_return_is_not_told_either() -> None:
    held = episode(5, 9)._replace(resolved_us=None)
    outcome = reconcile(RULE, "d", found=[held], stored=[], known_us=9)

    assert outcome.told == []
    assert [(a.status, a.retrospective) for a in outcome.stored] == [("open", True)]


def test_what_people_were_told_of_an_alert_is_told_anew_where_it_is_no_longer_so() -> None:
    for before, now in (
        (alert(5, None), episode(4, None)),
        (alert(5, None), episode(5, None)._replace(opened=OPENED._replace(value=0.95))),
        (alert(5, None), episode(5, None)._replace(opened=OPENED._replace(limit=0.7))),
        (alert(5, None), episode(5, None)._replace(opened=OPENED._replace(message_en="full indeed"))),
        (alert(5, 9), episode(6, 9)),
        (alert(5, 9), episode(5, 8)),
    ):
        outcome = reconcile(RULE, "d", found=[now], stored=[before], known_us=20)
        (after,) = outcome.stored
        (told,) = outcome.told
        assert (told.kind, told.alert, told.at_us) == ("updated", after, 50)
        assert after.id == before.id
        again = reconcile(RULE, "d", found=[now], stored=[after], known_us=20)
        assert again == ([], [], [])


def test_who_hears_of_an_end_or_of_a_return_hears_with_it_what_else_is_new() -> None:
    ended = reconcile(RULE, "d", found=[episode(4, 9)], stored=[alert(5, None)], known_us=20)
    returned = reconcile(RULE, "d", found=[episode(4, None)], stored=[alert(5, 9)], known_us=20)

    assert kinds(ended.told) == [("resolved", 4)]
    assert kinds(returned.told) == [("open", 4)]


def test_who_was_never_told_of_an_alert_does_not_hear_that_it_changed() -> None:
    hidden = reconcile(RULE, "d", found=[episode(4, 9)], stored=[alert(5, 9, retrospective=True)], known_us=20)
    works = episode(4, None, tells=60)
    silenced = reconcile(RULE, "d", found=[works], stored=[alert(5, None, silenced=True)], known_us=20)

    assert hidden.told == silenced.told == []
    assert [a.since_us for a in (*hidden.stored, *silenced.stored)] == [4, 4]


def test_who_was_told_before_maintenance_hears_of_a_change_during_it() -> None:
    outcome = reconcile(RULE, "d", found=[episode(4, None, tells=60)], stored=[alert(5, None)], known_us=20)

    assert kinds(outcome.told) == [("updated", 4)]
