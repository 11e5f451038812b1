"""Apache Kafka as one KRaft node: broker and controller in one Java process."""

from __future__ import annotations

import asyncio
import base64
import re
import signal
import subprocess
import uuid
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from infra.local.downloads import kafka_jars
from infra.local.layout import EXIT_SETTING, HOST, Layout, StackError
from infra.local.process import end_group, last_lines, remembered, run, spawn
from infra.local.server import NotReadyError

LOG_SETTINGS = Path(__file__).parent / "kafka" / "log4j2.properties"
PROBE_TOPIC = "silkstream.stack.probe"
LEAST_JAVA = 17
STOP_SECONDS = 60.0
MEBIBYTE = 1024 * 1024


class KafkaServer:
    """The broker of one stack."""

    name = "kafka"

    def __init__(self, layout: Layout) -> None:
        self.port = layout.kafka_port
        self._controller_port = layout.kafka_controller_port
        self._cache = layout.cache
        self._folder = layout.folder / "kafka"
        self._settings = self._folder / "server.properties"
        self._data = self._folder / "data"
        self._log = layout.logs / "kafka.log"
        self._pid_file = layout.pid_files / "kafka.json"

    @property
    def address(self) -> str:
        """The bootstrap server."""
        return f"{HOST}:{self.port}"

    def pid(self) -> int | None:
        """The Java process, if it runs."""
        return remembered(self._pid_file)

    def prepare(self) -> None:
        """Fetch the jars, write the settings, and format the log folder of a new stack."""
        _check_java()
        jars = kafka_jars(self._cache)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(self._properties())
        if not (self._data / "meta.properties").exists():
            format_storage = ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self._settings)]
            run(
                [*_java(jars, log_level="warn", heap="128m"), *format_storage, "--standalone"],
                failing="Kafka's log folder could not be formatted",
            )

    def start(self) -> None:
        """Start the broker; after a `kill -9` it recovers its logs by itself."""
        command = [*_java(kafka_jars(self._cache), log_level="info", heap="512m"), "kafka.Kafka", str(self._settings)]
        spawn(command, log=self._log, pid_file=self._pid_file, folder=self._folder)

    def probe(self) -> None:
        """Produce a record, fetch that record, and commit its offset in a group.

        The commit makes the broker create its offsets topic and load the coordinator, for which a first client
        would otherwise wait.
        """
        try:
            asyncio.run(asyncio.wait_for(_produce_and_fetch(self.address), timeout=10))
        except (KafkaError, OSError, TimeoutError) as error:
            raise NotReadyError(f"{type(error).__name__}: {error}") from error

    def stop(self, *, kill: bool) -> None:
        """TERM lets it close its logs; KILL leaves them to recovery."""
        pid = self.pid()
        if pid is not None:
            number = signal.SIGKILL if kill else signal.SIGTERM
            end_group(pid, number, name=self.name, timeout_seconds=STOP_SECONDS)
        self._pid_file.unlink(missing_ok=True)

    def why(self) -> str:
        """The end of the broker's log."""
        return last_lines(self._log)

    def _properties(self) -> str:
        settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"{HOST}:{self._controller_port}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address},CONTROLLER://{HOST}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._data,
            # Topics are declared in one place; a mistyped name must fail.
            "auto.create.topics.enable": "false",
            "unclean.leader.election.enable": "false",
            # A dead-letter topic may allow more than the raw topic, so the broker allows more than both.
            "message.max.bytes": 10 * MEBIBYTE,
            "replica.fetch.max.bytes": 10 * MEBIBYTE,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 10,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            # After a kill -9 the controller refuses its broker until the old session has run out, by default in 9 s.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # By default the cleaner alone takes a quarter of our heap.
            "log.cleaner.dedupe.buffer.size": 32 * MEBIBYTE,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


async def _produce_and_fetch(address: str) -> None:
    """One record there and back; whatever is missing is raised as an error of aiokafka or a time-out."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5000)
    await admin.start()
    try:
        short_lived = {"retention.ms": "600000", "segment.bytes": "1048576"}
        answer = await admin.create_topics([NewTopic(PROBE_TOPIC, 1, 1, topic_configs=short_lived)])
        for _, code, *_ in answer.topic_errors:
            if code not in {0, TopicAlreadyExistsError.errno}:
                raise KafkaError(f"the probe's topic was refused with error {code}")
    finally:
        await admin.close()

    partition = TopicPartition(PROBE_TOPIC, 0)
    token = uuid.uuid4().bytes
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=address, group_id=PROBE_TOPIC, enable_auto_commit=False)
    try:
        await producer.start()
        written = await producer.send_and_wait(PROBE_TOPIC, token, partition=0)
        await consumer.start()
        consumer.assign([partition])
        consumer.seek(partition, written.offset)
        record = await consumer.getone(partition)
        if record.value != token:
            raise KafkaError("the record at the offset just written is another one")
        await consumer.commit({partition: written.offset + 1})
    finally:
        await consumer.stop()
        await producer.stop()


def _java(jars: Path, *, log_level: str, heap: str) -> list[str]:
    quiet = [] if log_level == "info" else [f"-Dlog4j2.level={log_level}"]
    return [
        "java",
        f"-Xmx{heap}",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={LOG_SETTINGS}",
        *quiet,
        "-cp",
        f"{jars}/*",
    ]


def _check_java() -> None:
    failing = f"Kafka needs Java {LEAST_JAVA} or newer; `infra/local/packages.sh` installs it"
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise StackError(f"{failing}.", exit_status=EXIT_SETTING) from None
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < LEAST_JAVA:
        raise StackError(f"{failing}; found: {said.splitlines()[0]}", exit_status=EXIT_SETTING)


def _cluster_id() -> str:
    """A random id in Kafka's own form: 16 bytes in URL-safe base 64, without padding, not beginning with a dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
