"""Videos whose sound starts late or has holes."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from qal.audio.planes import frame_of

PACKET = 960  # samples; short, so that a hole can be anywhere
PICTURES_PER_S = 5


def write_video(
    path: Path,
    samples: NDArray[np.float32],
    rate_hz: int,
    moved_s: Callable[[float], float],
    codec: str = "aac",
    layout: str = "mono",
    picture_s: float = 0.4,
) -> Path:
    """Writes samples, (n,), equal in all channels, beside a picture that starts at 0; returns the path.

    Args:
        path: the file; its suffix decides the container.
        samples: the sound.
        rate_hz: its rate.
        moved_s: by how much later the sound at a time is stated to be.
        codec: of the sound.
        layout: its channels.
        picture_s: duration of the picture; 0: sound alone."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("mpeg4", rate=PICTURES_PER_S) if picture_s else None
        sound: Any = container.add_stream(codec, rate=rate_hz, layout=layout)
        sound.bit_rate = 96_000
        packets = _pictures(video, picture_s) if picture_s else []
        for packet in _encoded(sound, samples, rate_hz):
            later = round(moved_s(max(0.0, float(packet.pts * packet.time_base))) / packet.time_base)
            packet.pts, packet.dts = packet.pts + later, packet.dts + later
            packets.append(packet)
        container.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
    return path


def _pictures(video: Any, duration_s: float) -> list[Any]:
    video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
    packets = []
    for i in range(round(duration_s * PICTURES_PER_S)):
        picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
        picture.pts, picture.time_base = i, Fraction(1, PICTURES_PER_S)
        packets += video.encode(picture)
    return [*packets, *video.encode(None)]


def _encoded(sound: Any, samples: NDArray[np.float32], rate_hz: int) -> list[Any]:
    packets = []
    for first in range(0, len(samples), PACKET):
        channels = np.repeat(samples[None, first : first + PACKET], sound.layout.nb_channels, axis=0)
        frame = frame_of(channels, sound.layout.name, rate_hz)
        frame.pts, frame.time_base = first, Fraction(1, rate_hz)
        packets += sound.encode(frame)
    return [*packets, *sound.encode(None)]
