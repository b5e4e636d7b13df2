"""Files of compressed sound, with several tracks, joined, cut short or damaged."""

from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from qal.audio.planes import frame_of

PACKET = 1024  # samples


class Track(NamedTuple):
    """A track of sound: (channels, n) at a rate."""

    channels: NDArray[np.float32]
    rate_hz: int = 16_000
    codec: str = "aac"
    layout: str = "mono"
    language: str = ""
    is_default: bool = False


def write_tracks(path: Path, tracks: list[Track], options: dict[str, str] | None = None) -> Path:
    """Writes a file with these tracks; its suffix decides the container. Returns the path."""
    with av.open(str(path), "w", container_options=options or {}) as container:
        streams = [_stream(container, track) for track in tracks]
        packets = [packet for stream, track in zip(streams, tracks, strict=True) for packet in _packets(stream, track)]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def write_encoded(path: Path, samples: NDArray[np.float32], codec: str, rate_hz: int, layout: str = "mono") -> Path:
    """Writes samples, (n,), equal in all channels, or (channels, n); returns the path."""
    count = av.AudioLayout(layout).nb_channels
    channels = np.repeat(samples[None], count, axis=0) if samples.ndim == 1 else samples
    return write_tracks(path, [Track(channels, rate_hz, codec, layout)])


def _stream(container: Any, track: Track) -> Any:
    stream = container.add_stream(track.codec, rate=track.rate_hz, layout=track.layout)
    if track.language:
        stream.metadata["language"] = track.language
    if track.is_default:
        stream.disposition = Disposition.default
    return stream


def _packets(stream: Any, track: Track) -> list[Any]:
    packets = []
    for first in range(0, track.channels.shape[1], PACKET):
        frame = frame_of(track.channels[:, first : first + PACKET], track.layout, track.rate_hz)
        frame.pts, frame.time_base = first, Fraction(1, track.rate_hz)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def cut_short(path: Path, share: float) -> Path:
    """Deletes the end of a file, of which `share` stays."""
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


def damage(path: Path, first_share: float, last_share: float) -> Path:
    """Replaces a part of a file by zeros."""
    content = bytearray(path.read_bytes())
    first, last = round(len(content) * first_share), round(len(content) * last_share)
    content[first:last] = bytes(last - first)
    path.write_bytes(content)
    return path


def join(path: Path, *parts: Path) -> Path:
    """Writes the bytes of files one after the other."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path
