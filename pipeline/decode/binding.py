"""Which decoder a device has, and what the decoder may know about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from decoders.api import AttributeValue, Decoder, InvalidAttribute, check_attributes
from pipeline.core.errors import Reason, Reject, SettingsError
from pipeline.event.model import DeviceInfo

IGNORE: Final = "ignore"
TAG: Final = "decoder"


class Bound(NamedTuple):
    """A device's decoder (None: a foreign sensor, to be ignored) and its attributes."""

    decoder: Decoder | None
    attributes: Mapping[str, AttributeValue]


class Bindings:
    """Chooses by the profile's tag `decoder`, else by the profile's name in the settings.

    The answer for a device is kept until its description changes: it is asked for with every frame.
    """

    def __init__(self, decoders: Mapping[str, Decoder], by_profile: Mapping[str, str]) -> None:
        """Check the settings' bindings.

        Raises:
            SettingsError: a binding names a decoder that is not installed.
        """
        for profile, name in by_profile.items():
            if name != IGNORE and name not in decoders:
                raise SettingsError(
                    f"setting decode.bindings: {profile!r} is bound to {name!r}, which is not installed; "
                    f"installed: {', '.join(decoders)}, or {IGNORE}"
                )
        self._decoders = decoders
        self._by_profile = by_profile
        self._kept: dict[str, tuple[DeviceInfo, Bound]] = {}

    def of(self, device: DeviceInfo) -> Bound:
        """The binding of a device.

        Raises:
            Reject: decoder_unknown, attribute_invalid.
        """
        kept = self._kept.get(device.dev_eui)
        if kept is not None and kept[0] == device:
            return kept[1]
        bound = self._choose(device)
        self._kept[device.dev_eui] = (device, bound)
        return bound

    def _choose(self, device: DeviceInfo) -> Bound:
        name = device.tags.get(TAG) or self._by_profile.get(device.profile)
        if name == IGNORE:
            return Bound(None, {})
        decoder = self._decoders.get(name) if name else None
        if decoder is None:
            what = f"the tag decoder={name!r}" if name else f"profile {device.profile!r} has no tag `decoder` and"
            raise Reject(Reason.DECODER_UNKNOWN, f"{what} names no installed decoder")
        try:
            return Bound(decoder, check_attributes(decoder, device.tags))
        except InvalidAttribute as wrong:
            raise Reject(Reason.ATTRIBUTE_INVALID, str(wrong)) from wrong
