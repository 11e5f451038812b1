"""A reader over bytes that cannot read past the end.

The published codecs of many devices turn a short frame into nonsense, because nothing checks lengths; here every
read raises `Truncated` by itself, and `finish` refuses what is left over.
"""

from __future__ import annotations

import struct
from typing import Final

from decoders.api import TrailingBytes, Truncated

_S16LE: Final = struct.Struct("<h")
_S16BE: Final = struct.Struct(">h")
_U16LE: Final = struct.Struct("<H")
_U16BE: Final = struct.Struct(">H")
_S32LE: Final = struct.Struct("<i")
_S32BE: Final = struct.Struct(">i")
_U32LE: Final = struct.Struct("<I")
_U32BE: Final = struct.Struct(">I")
_F32LE: Final = struct.Struct("<f")
_F32BE: Final = struct.Struct(">f")


class Reader:
    """Reads `data` from front to back; `at` is the offset of the next byte.

    u is unsigned and s signed (two's complement), le and be name the byte order. Floats may come out as NaN or
    infinite: that is the caller's to judge. Every read raises `Truncated` where the data ends too early.
    """

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def u8(self) -> int:
        """An unsigned integer of 8 bits."""
        at = self.at
        try:
            value = self.data[at]
        except IndexError:
            raise self._short(1) from None
        self.at = at + 1
        return value

    def s8(self) -> int:
        """A signed integer of 8 bits."""
        value = self.u8()
        return value - 256 if value > 127 else value

    def u16le(self) -> int:
        """An unsigned integer of 16 bits, lowest byte first."""
        return self._integer(_U16LE)

    def u16be(self) -> int:
        """An unsigned integer of 16 bits, highest byte first."""
        return self._integer(_U16BE)

    def s16le(self) -> int:
        """A signed integer of 16 bits, lowest byte first."""
        return self._integer(_S16LE)

    def s16be(self) -> int:
        """A signed integer of 16 bits, highest byte first."""
        return self._integer(_S16BE)

    def u24le(self) -> int:
        """An unsigned integer of 24 bits, lowest byte first."""
        return int.from_bytes(self.take(3), "little")

    def u24be(self) -> int:
        """An unsigned integer of 24 bits, highest byte first."""
        return int.from_bytes(self.take(3), "big")

    def u32le(self) -> int:
        """An unsigned integer of 32 bits, lowest byte first."""
        return self._integer(_U32LE)

    def u32be(self) -> int:
        """An unsigned integer of 32 bits, highest byte first."""
        return self._integer(_U32BE)

    def s32le(self) -> int:
        """A signed integer of 32 bits, lowest byte first."""
        return self._integer(_S32LE)

    def s32be(self) -> int:
        """A signed integer of 32 bits, highest byte first."""
        return self._integer(_S32BE)

    def u48le(self) -> int:
        """An unsigned integer of 48 bits, lowest byte first."""
        return int.from_bytes(self.take(6), "little")

    def u48be(self) -> int:
        """An unsigned integer of 48 bits, highest byte first."""
        return int.from_bytes(self.take(6), "big")

    def f32le(self) -> float:
        """An IEEE 754 number of 32 bits, lowest byte first."""
        return self._float(_F32LE)

    def f32be(self) -> float:
        """An IEEE 754 number of 32 bits, highest byte first."""
        return self._float(_F32BE)

    def bits(self, *widths: int) -> tuple[int, ...]:
        """Split the next bytes into unsigned fields of these widths, highest bit first.

        The widths add up to whole bytes, unused bits included: `hour, _, day = reader.bits(5, 6, 5)`.
        """
        left = sum(widths)
        if left % 8:
            raise ValueError(f"widths {widths} do not add up to whole bytes")
        value = int.from_bytes(self.take(left // 8), "big")
        fields = []
        for width in widths:
            left -= width
            fields.append(value >> left & (1 << width) - 1)
        return tuple(fields)

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        at = self.at
        end = at + count
        if end > len(self.data):
            raise self._short(count)
        self.at = end
        return self.data[at:end]

    def rest(self) -> bytes:
        """Everything that has not been read, possibly nothing."""
        at = self.at
        self.at = len(self.data)
        return self.data[at:]

    @property
    def remaining(self) -> int:
        """How many bytes have not been read."""
        return len(self.data) - self.at

    def finish(self) -> None:
        """Raise `TrailingBytes` unless everything has been read."""
        if self.at != len(self.data):
            raise TrailingBytes(f"{self.remaining} bytes are left over behind {self.at}")

    def _integer(self, layout: struct.Struct) -> int:
        at = self.at
        try:
            value: int = layout.unpack_from(self.data, at)[0]
        except struct.error:
            raise self._short(layout.size) from None
        self.at = at + layout.size
        return value

    def _float(self, layout: struct.Struct) -> float:
        at = self.at
        try:
            value: float = layout.unpack_from(self.data, at)[0]
        except struct.error:
            raise self._short(layout.size) from None
        self.at = at + layout.size
        return value

    def _short(self, count: int) -> Truncated:
        return Truncated(f"the frame ends inside a field of {count} bytes at {self.at}: {self.remaining} are left")
