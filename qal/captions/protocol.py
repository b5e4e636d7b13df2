"""The wire between a microphone and a live session: packets up, acknowledgements and captions down.

Up, binary: the index of the packet's first sample (8 bytes, little-endian) and 16-bit PCM at 16 kHz. Down,
JSON: captions, the meter, and `ack`, the first sample that the client must still keep: everything before it is
covered by a final caption on disk or was silence. The client resends from there after a break, so that even a
restarted server loses nothing; what comes twice is taken once."""

import struct
from dataclasses import dataclass

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.errors import QalError

HEADER = struct.Struct("<Q")
MAX_PACKET_SAMPLES = 30 * SAMPLE_RATE  # after a break the client sends what it kept in larger pieces
MAX_EARLY_SAMPLES = 60 * SAMPLE_RATE  # kept while an earlier packet is missing
MAX_EARLY = 1024  # packets
MAX_SAMPLE = 2**53  # the largest index a browser counts exactly


class PacketError(QalError):
    """A packet that no client of ours sends."""


@dataclass(frozen=True)
class Packet:
    first_sample: int
    samples: Samples

    @property
    def end_sample(self) -> int:
        return self.first_sample + len(self.samples)


def pack(first_sample: int, samples: Samples) -> bytes:
    return HEADER.pack(first_sample) + to_pcm16(samples).tobytes()


def unpack(data: bytes) -> Packet:
    """Raises PacketError for anything but a header and whole samples, not too many."""
    body = len(data) - HEADER.size
    if body < 2 or body % 2 or body // 2 > MAX_PACKET_SAMPLES:
        raise PacketError(f"a packet of {len(data)} bytes is not a header and 16-bit samples; reload the page")
    (first,) = HEADER.unpack_from(data)
    if first > MAX_SAMPLE:
        raise PacketError("a packet begins beyond any recording; reload the page")
    return Packet(first, from_pcm16(np.frombuffer(data, "<i2", offset=HEADER.size)))


class Inlet:
    """Packets in any order, some twice, some never -> the stream, each sample once.

    `next_sample` is the first one that is missing; a client that sends it again fills the gap."""

    def __init__(self, next_sample: int = 0):
        self.next_sample = next_sample
        self._early: dict[int, Packet] = {}

    def take(self, packet: Packet) -> Samples:
        """The samples that are now in their place: none while an earlier packet is missing."""
        if packet.end_sample <= self.next_sample:
            return np.zeros(0, np.float32)
        known = self._early.get(packet.first_sample)
        if known is None or len(known.samples) < len(packet.samples):
            self._early[packet.first_sample] = packet
        ready = []
        while follower := self._following():
            ready.append(follower.samples[self.next_sample - follower.first_sample :])
            self.next_sample = follower.end_sample
        self._forget()
        return np.concatenate(ready) if ready else np.zeros(0, np.float32)

    def _following(self) -> Packet | None:
        found = (p for p in self._early.values() if p.first_sample <= self.next_sample < p.end_sample)
        return next(found, None)

    def _forget(self) -> None:
        """What is behind us, and the farthest ahead when there is too much: it will be sent again."""
        self._early = {first: p for first, p in self._early.items() if p.end_sample > self.next_sample}
        while len(self._early) > MAX_EARLY or sum(len(p.samples) for p in self._early.values()) > MAX_EARLY_SAMPLES:
            del self._early[max(self._early)]
