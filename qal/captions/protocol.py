"""The protocol between a microphone and a live session: packets up, acknowledgements and captions down.

Up, binary: the index of the packet's first sample (8 bytes, little-endian) and 16-bit PCM at 16 kHz. Down, JSON:
captions, the input level, and `ack`, the first sample that the client must still keep: all samples before it are
covered by a final caption on disk or were silence. After a broken connection the client resends from there, so that
nothing is lost even if the server was restarted; samples that arrive twice are used once."""

import struct
from dataclasses import dataclass

import numpy as np

from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.errors import QalError

HEADER = struct.Struct("<Q")
MAX_PACKET_SAMPLES = 30 * SAMPLE_RATE  # a client may resend in large packets
MAX_PACKET_BYTES = HEADER.size + PCM_BYTES * MAX_PACKET_SAMPLES
MAX_EARLY_SAMPLES = 60 * SAMPLE_RATE  # stored while an earlier packet is missing
MAX_EARLY_PACKETS = 1024
MAX_SAMPLE_INDEX = 2**53  # the largest integer that JavaScript represents exactly


class PacketError(QalError):
    """A packet that the page's client would not send."""


@dataclass(frozen=True)
class Packet:
    """Successive samples of a stream, addressed by the index of the first one."""

    first_sample: int
    samples: Samples

    @property
    def end_sample(self) -> int:
        """The index after the last sample."""
        return self.first_sample + len(self.samples)


def pack(first_sample: int, samples: Samples) -> bytes:
    """Encodes a packet; the inverse of `unpack` up to 16-bit rounding."""
    return HEADER.pack(first_sample) + to_pcm16(samples).tobytes()


def unpack(data: bytes) -> Packet:
    """Decodes a packet. Raises PacketError unless it is a header and 1 to MAX_PACKET_SAMPLES samples."""
    body_bytes = len(data) - HEADER.size
    if body_bytes < 2 or body_bytes % 2 or body_bytes // 2 > MAX_PACKET_SAMPLES:
        raise PacketError(f"a packet of {len(data)} bytes is not a header and 16-bit samples; reload the page")
    (first_sample,) = HEADER.unpack_from(data)
    if first_sample > MAX_SAMPLE_INDEX:
        raise PacketError(f"the packet's first sample is above {MAX_SAMPLE_INDEX}; reload the page")
    return Packet(first_sample, from_pcm16(np.frombuffer(data, "<i2", offset=HEADER.size)))


class ReorderBuffer:
    """Turns packets in any order, with duplicates and losses, into a stream that has each sample once.

    `next_sample` is the first missing sample; the client fills the gap by resending from there."""

    def __init__(self, next_sample: int = 0):
        self.next_sample = next_sample
        self._early: dict[int, Packet] = {}  # by first sample

    def add(self, packet: Packet) -> Samples:
        """Returns the samples that now continue the stream: none while an earlier packet is missing."""
        if packet.end_sample <= self.next_sample:
            return np.zeros(0, np.float32)
        duplicate = self._early.get(packet.first_sample)
        if duplicate is None or len(duplicate.samples) < len(packet.samples):
            self._early[packet.first_sample] = packet
        ready = []
        while following := self._following():
            ready.append(following.samples[self.next_sample - following.first_sample :])
            self.next_sample = following.end_sample
        self._discard()
        return np.concatenate(ready) if ready else np.zeros(0, np.float32)

    def _following(self) -> Packet | None:
        """Returns a stored packet that contains `next_sample`."""
        following = (p for p in self._early.values() if p.first_sample <= self.next_sample < p.end_sample)
        return next(following, None)

    def _discard(self) -> None:
        """Discards consumed packets and, above the limits, those farthest ahead (the client resends them)."""
        self._early = {first: p for first, p in self._early.items() if p.end_sample > self.next_sample}
        while len(self._early) > MAX_EARLY_PACKETS or self._early_samples() > MAX_EARLY_SAMPLES:
            del self._early[max(self._early)]

    def _early_samples(self) -> int:
        return sum(len(p.samples) for p in self._early.values())
