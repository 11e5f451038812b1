"""The same few numbers for every stage, so that any stage can be reconciled with the same sum.

received = sent on + discarded + in flight. Counted once per batch, never with a device as label, and a record
that will be tried again is not discarded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class StageMetrics:
    """The metrics of one stage, on an injected registry."""

    def __init__(self, registry: CollectorRegistry, stage: str) -> None:
        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"silkstream_{name}", about, ("stage", *labels), registry=registry)

        self._stage = stage
        self.received = counter("received_events", "Records taken in.").labels(stage)
        self.sent = counter("sent_events", "Records passed on.", "to")
        self.discarded = counter("discarded_events", "Records that ended here, by reason.", "reason")
        self.errors = counter("errors", "Faults of the stage or of what it talks to, by type.", "error_type")
        self.batch_seconds = Histogram(
            "silkstream_batch_seconds", "Time for one batch.", ("stage",), registry=registry
        ).labels(stage)
        self.batch_events = Histogram(
            "silkstream_batch_events",
            "Records in one batch.",
            ("stage",),
            buckets=(1, 10, 100, 500, 1000, 2500, 5000, 10000),
            registry=registry,
        ).labels(stage)
        self.latency = Histogram(
            "silkstream_latency_seconds",
            "From the gateway's receive time to this stage, for the newest record of a batch.",
            ("stage",),
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600),
            registry=registry,
        ).labels(stage)
        self.lag = Gauge(
            "silkstream_lag_events", "Records not yet taken in.", ("stage", "topic", "partition"), registry=registry
        )
        self.as_of = Gauge(
            "silkstream_as_of_seconds", "Up to when the stream is complete, since 1970.", ("stage",), registry=registry
        ).labels(stage)

    def add_sent(self, to: str, count: int = 1) -> None:
        """Count records passed on."""
        if count:
            self.sent.labels(self._stage, to).inc(count)

    def add_discarded(self, reasons: Mapping[str, int]) -> None:
        """Count records that ended here."""
        for reason, count in reasons.items():
            self.discarded.labels(self._stage, reason).inc(count)

    def add_error(self, error: BaseException) -> None:
        """Count a fault by the name of its type: a bounded set, never a message."""
        self.errors.labels(self._stage, type(error).__name__).inc()

    def observe_batch(self, *, events: int, started: float) -> None:
        """Record the size of a batch and the time since `started` (`time.perf_counter`)."""
        self.batch_events.observe(events)
        self.batch_seconds.observe(time.perf_counter() - started)

    def set_lag(self, topic: str, partition: int, lag: int) -> None:
        """Set what is left of a partition."""
        self.lag.labels(self._stage, topic, str(partition)).set(lag)
