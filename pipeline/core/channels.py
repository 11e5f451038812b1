"""Settings of the notifier: who is told of alerts, and by what.

A channel is a table under a name of the operator's own (`[notify.webhooks.duty]`, `[notify.mails.waste]`), because a
city has several departments and each wants its own alerts. Secrets, and addresses that contain one, are `SecretStr`:
they never show in a log or in a message.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator

from pipeline.core.errors import SettingsError
from pipeline.core.section import Section

ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
Address = Annotated[str, Field(pattern=r'^[^\s@<>,;:"()]+@[^\s@<>,;:"()]+$')]
Port = Annotated[int, Field(ge=1, le=65535)]


class Channel(Section):
    """Which alerts a channel tells of; a filter that is empty lets all pass, but for those about people's homes."""

    families: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    updates: bool = True
    """Whether it also tells when an alert is not as it was told: its begin, value, limit, sentence or end."""

    def wants(self, *, family: str, severity: str, rule: str, personal: bool = False) -> bool:
        """Whether an alert passes all three filters; one that tells of people only where its family is named."""
        if personal and family not in self.families:
            return False
        return all(
            not wanted or given in wanted
            for wanted, given in ((self.families, family), (self.severities, severity), (self.rules, rule))
        )


class Webhook(Channel):
    """An address that takes a POST of the CloudEvent."""

    url: SecretStr
    """http:// or https://."""
    secret: SecretStr | None = None
    """Signs the body (HMAC-SHA256), so that the receiver knows whose it is; none: no signature."""
    secret_file: Path | None = None
    """The same from a file, whose last line break does not count."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("expected an address such as https://host/path")
        return url

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret is not None and self.secret_file is not None:
            raise ValueError("secret and secret_file are two ways to say the same; expected one of them")
        return self

    def key(self) -> bytes | None:
        """The key of the signature.

        Raises:
            SettingsError: the file cannot be read.
        """
        text = _secret(self.secret, self.secret_file, "secret_file of a webhook")
        return None if text is None else text.encode()


class Mail(Channel):
    """Addresses that get a message in German and English."""

    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    updates: bool = False
    """Off: a machine keeps its copy right, a person does not want to hear that it was five minutes earlier."""


class Notify(Section):
    """From the alert topics to people; without a channel nobody is told and the stage is left out."""

    webhooks: dict[ChannelName, Webhook] = Field(default_factory=dict)
    mails: dict[ChannelName, Mail] = Field(default_factory=dict)
    mail_from: Address | None = None
    """The sender; also the domain of the Message-ID."""
    smtp_host: str = ""
    smtp_port: Port = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls`: on port 587 or 25; `tls`: from the first byte, on 465; `none`: for a relay on this machine."""
    smtp_username: str = ""
    smtp_password: SecretStr | None = None
    smtp_password_file: Path | None = None
    """The same from a file, whose last line break does not count."""
    time_zone: str = "Europe/Berlin"
    """Of the times in mails."""
    timeout_seconds: Annotated[float, Field(ge=0.1, le=20)] = 10.0
    """For one attempt; shorter than the time that a stage has to drain."""
    retry_seconds: Annotated[float, Field(ge=0.01, le=3600)] = 5.0
    """The pause behind a first failed attempt; each further one doubles it …"""
    retry_most_seconds: Annotated[float, Field(ge=0.01, le=86400)] = 900.0
    """… up to this one."""
    attempts: Annotated[int, Field(ge=1, le=100_000)] = 300
    """A notification is given up after so many attempts …"""
    give_up_hours: Annotated[float, Field(gt=0, le=2000)] = 72.0
    """… or so long after it was due, whichever comes first; a change that was published longer ago than this when it
    is read is not told any more: a weekend, and nobody wants to hear of last week's alerts."""
    batch_records: Annotated[int, Field(ge=1, le=10000)] = 500

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as unknown:
            raise ValueError("expected a time zone such as Europe/Berlin") from unknown
        return name

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if both := sorted(self.webhooks.keys() & self.mails.keys()):
            raise ValueError(f"{both[0]} names a webhook and a mail; each channel needs a name of its own")
        if self.mails and not self.smtp_host:
            raise ValueError("smtp_host is missing: mails need a server")
        if self.mails and self.mail_from is None:
            raise ValueError("mail_from is missing: mails need a sender")
        if self.smtp_password is not None and self.smtp_password_file is not None:
            raise ValueError("smtp_password and smtp_password_file say the same; expected one of them")
        if self.smtp_username and self.smtp_password is None and self.smtp_password_file is None:
            raise ValueError("smtp_password or smtp_password_file is missing: smtp_username needs one")
        if self.smtp_username and self.smtp_security == "none":
            raise ValueError("smtp_username with smtp_security `none` would send the password in clear")
        if self.retry_most_seconds < self.retry_seconds:
            raise ValueError("retry_most_seconds must not be below retry_seconds")
        return self

    @property
    def channels(self) -> dict[str, Channel]:
        """All channels by name."""
        return {**self.webhooks, **self.mails}

    def password(self) -> str | None:
        """For the mail server.

        Raises:
            SettingsError: the file cannot be read.
        """
        return _secret(self.smtp_password, self.smtp_password_file, "smtp_password_file")


def _secret(value: SecretStr | None, file: Path | None, setting: str) -> str | None:
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        return file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
        raise SettingsError(f"setting notify, {setting}: {file} cannot be read: {reason}") from wrong
