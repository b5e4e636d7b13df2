"""Batches of numbered messages, in which the page posts what it would send over a WebSocket.

A batch: the number of its first message (8 bytes, little-endian), then each message as its kind (1 byte: 0 for an audio
packet, 1 for JSON), its length (4 bytes) and its content. The messages of a connection are numbered from 0. Requests
overtake one another, and a request whose response was lost is sent again: `MessageOrder` passes each message on once,
in the order of the numbers."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qal.api.access import INVALID_MESSAGE
from qal.api.live_connection import Message
from qal.captions.protocol import MAX_PACKET_BYTES, MAX_SAMPLE_INDEX
from qal.errors import OptionError

BATCH_HEADER, MESSAGE_HEADER = struct.Struct("<Q"), struct.Struct("<BI")
PACKET, TEXT = 0, 1  # kinds
MAX_BATCH_MESSAGES = 1024
MAX_BATCH_BYTES = BATCH_HEADER.size + MESSAGE_HEADER.size + MAX_PACKET_BYTES  # a page sends an eighth of it
MAX_EARLY_BYTES, MAX_EARLY_MESSAGES = 4 << 20, 4096  # messages that wait for an earlier one


@dataclass(frozen=True)
class Batch:
    """Successive messages of a connection, addressed by the number of the first one."""

    first_number: int
    messages: tuple[Message, ...]


def pack_batch(first_number: int, messages: Sequence[Message]) -> bytes:
    """Encodes a batch; the inverse of `unpack_batch`."""
    encoded = [(TEXT, m.encode()) if isinstance(m, str) else (PACKET, m) for m in messages]
    parts = (MESSAGE_HEADER.pack(kind, len(content)) + content for kind, content in encoded)
    return BATCH_HEADER.pack(first_number) + b"".join(parts)


def unpack_batch(data: bytes) -> Batch:
    """Decodes a batch. Raises OptionError for what the page's client would not send."""
    try:
        (first_number,) = BATCH_HEADER.unpack_from(data)
        messages = tuple(_messages(data))
    except (struct.error, ValueError) as error:
        raise OptionError(INVALID_MESSAGE) from error
    if first_number > MAX_SAMPLE_INDEX or len(messages) > MAX_BATCH_MESSAGES:
        raise OptionError(INVALID_MESSAGE)
    return Batch(first_number, messages)


def _messages(data: bytes) -> Iterator[Message]:
    """Yields the messages of a batch. Raises struct.error or ValueError if it is malformed."""
    position = BATCH_HEADER.size
    while position < len(data):
        kind, length = MESSAGE_HEADER.unpack_from(data, position)
        position += MESSAGE_HEADER.size
        content = data[position : position + length]
        position += length
        if kind not in (PACKET, TEXT) or len(content) < length:
            raise ValueError(f"kind {kind}, {len(content)} bytes of {length}")
        yield content.decode() if kind == TEXT else content


class MessageOrder:
    """Puts the messages of batches in any order, with duplicates, into the order of their numbers."""

    def __init__(self):
        self._next_number = 0
        self._early: dict[int, Message] = {}  # by number

    def accepts(self, batch: Batch) -> bool:
        """False for a batch that has to wait for an earlier one where there is no room: it is sent again."""
        has_room = len(self._early) < MAX_EARLY_MESSAGES and sum(map(len, self._early.values())) < MAX_EARLY_BYTES
        return has_room or batch.first_number <= self._next_number

    def add(self, batch: Batch) -> list[Message]:
        """Returns the messages that are next: none while an earlier one is missing."""
        for number, message in enumerate(batch.messages, batch.first_number):
            if number >= self._next_number:
                self._early[number] = message
        ready = []
        while self._next_number in self._early:
            ready.append(self._early.pop(self._next_number))
            self._next_number += 1
        return ready
