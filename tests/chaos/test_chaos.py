"""The short form: everything is killed under load, the outside goes away for a while, workers come and go."""

from __future__ import annotations

from tests.chaos.scenarios import QUEUED, Outcome, shared_stages
from tests.chaos.system import stages_but

SERVERS = {"kafka", "timescaledb", "mosquitto"}


def test_every_stage_and_every_server_was_killed_and_worked_on(outcome: Outcome) -> None:
    assert {kill.target for kill in outcome.killed} == {*stages_but(), *SERVERS}


def test_the_servers_were_away_and_the_broker_queued_without_a_bridge(outcome: Outcome) -> None:
    assert [kill.target for kill in outcome.away] == ["kafka", "timescaledb"]
    assert outcome.queued >= QUEUED


def test_nothing_is_lost(outcome: Outcome) -> None:
    assert outcome.judgement.lost == 0
    assert outcome.judgement.stored["accepted"] == outcome.judgement.published["up accepted"]


def test_nothing_is_doubled(outcome: Outcome) -> None:
    assert outcome.judgement.doubled == 0
    assert outcome.judgement.stored["duplicate"] == outcome.judgement.published["up late_copy"]


def test_order_topics_and_tables_are_those_of_a_run_without_failures(outcome: Outcome) -> None:
    assert outcome.judgement.problems == []
    assert sum(outcome.judgement.rows.values()) > outcome.judgement.published_total


def test_every_consumer_got_on_while_all_workers_were_restarted(outcome: Outcome) -> None:
    assert set(outcome.pauses) == set(shared_stages()) - {"decode"}
