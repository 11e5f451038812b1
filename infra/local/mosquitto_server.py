"""Mosquitto, the MQTT broker that ChirpStack would publish to."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import uuid

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from infra.local.layout import HOST, Layout, StackError
from infra.local.process import end_group, last_lines, remembered, spawn
from infra.local.server import NotReadyError

ANSWER_SECONDS = 5.0
STOP_SECONDS = 60.0


class MosquittoServer:
    """The MQTT broker of one stack."""

    name = "mosquitto"

    def __init__(self, layout: Layout) -> None:
        self.port = layout.mqtt_port
        self._folder = layout.folder / "mosquitto"
        self._settings = self._folder / "mosquitto.conf"
        self._data = self._folder / "data"
        self._log = layout.logs / "mosquitto.log"
        self._pid_file = layout.pid_files / "mosquitto.json"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    def pid(self) -> int | None:
        """The broker's process, if it runs."""
        return remembered(self._pid_file)

    def prepare(self) -> None:
        """Write the settings."""
        _program()
        self._data.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(self._configuration())

    def start(self) -> None:
        """Start the broker; it reads back what it last saved."""
        command = [_program(), "-c", str(self._settings)]
        spawn(command, log=self._log, pid_file=self._pid_file, folder=self._folder)

    def probe(self) -> None:
        """Publish a message at QoS 1 and receive that message."""
        _publish_and_receive(self.port)

    def stop(self, *, kill: bool) -> None:
        """TERM lets it save its queues; KILL loses what came after the last autosave."""
        pid = self.pid()
        if pid is not None:
            number = signal.SIGKILL if kill else signal.SIGTERM
            end_group(pid, number, name=self.name, timeout_seconds=STOP_SECONDS)
        self._pid_file.unlink(missing_ok=True)

    def why(self) -> str:
        """The end of the broker's log."""
        return last_lines(self._log)

    def _configuration(self) -> str:
        lines = [
            f"listener {self.port} {HOST}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self._data}/",
            "autosave_interval 60",
            # The default of 1000 drops the rest in silence; 0 drops everything in some versions.
            "max_queued_messages 5000000",
            # Not below the bridge's Receive Maximum, or the broker sends less than the bridge could take.
            "max_inflight_messages 2000",
            "set_tcp_nodelay true",
            "log_dest stdout",
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
        ]
        if os.geteuid() == 0:
            # Started by root it would become the user mosquitto, who need not be able to enter this folder.
            lines.append("user root")
        return "".join(f"{line}\n" for line in lines)


def _program() -> str:
    # Debian keeps it in /usr/sbin, which is not on everybody's path.
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise StackError("There is no program mosquitto; `infra/local/packages.sh` installs it.")
    return found


def _publish_and_receive(port: int) -> None:
    token = uuid.uuid4().hex
    topic = f"stack/probe/{token}"
    received: queue.Queue[bytes] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, f"stack-probe-{token}", protocol=MQTTProtocolVersion.MQTTv5)

    def connected(client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _: Properties | None) -> None:
        if not code.is_failure:
            client.subscribe(topic, qos=1)

    def subscribed(client: Client, _data: object, _mid: int, _codes: list[ReasonCode], _: Properties | None) -> None:
        client.publish(topic, token, qos=1)

    def arrived(_client: Client, _data: object, message: MQTTMessage) -> None:
        received.put(bytes(message.payload))

    def lost(_c: Client, _d: object, _f: DisconnectFlags, _code: ReasonCode, _: Properties | None) -> None:
        received.put(b"")

    client.on_connect, client.on_subscribe = connected, subscribed
    client.on_message, client.on_disconnect = arrived, lost
    try:
        client.connect(HOST, port)
    except OSError as error:
        raise NotReadyError(str(error)) from error
    client.loop_start()
    try:
        answer = received.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise NotReadyError(f"a published message did not come back within {ANSWER_SECONDS:.0f} s") from None
    finally:
        if client.disconnect() is MQTTErrorCode.MQTT_ERR_SUCCESS:
            client.loop_stop()
    if answer != token.encode():
        raise NotReadyError("the connection was closed")
