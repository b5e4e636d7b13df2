"""Decodes the frames of one audio track. Broken packets are left out, and silence takes their place.

Containers such as Matroska, MP4 and Ogg state the time of each packet. In others, such as MP3, a packet has no time:
there, the time of what was lost is estimated from its size."""

import time
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.error import PatchWelcomeError
from av.packet import Packet

from qal.audio.decoding.opening import is_usable_rate, require_usable_rate
from qal.audio.holes import Hole, SilenceFiller
from qal.audio.planes import interleaved, sliced
from qal.errors import AudioDecodeError

MAX_STALL_S = 60.0  # of decoding without a sample; then the file is given up
MAX_READ_ERRORS = 20  # in a row, before the rest of a file is given up
MAX_FRAME_S = 1.0  # longer frames are cut, so that little memory is needed
# FFmpeg's names of the formats that state the times of their packets.
TIMED_FORMATS = {
    *("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mpegts", "mpeg", "ogg", "asf", "flv", "nut", "mxf", "rm", "wtv"),
    *("gxf", "flac", "avi"),
}
GAPLESS_FORMATS = {"flac"}  # a hole in which is damage, although FFmpeg reports no error
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")  # that stand among the packets of an MP3 file


class TrackFrames:
    """The frames of a track.

    Args:
        path: the file, for messages.
        filler: fills the holes; it may have seen the frames of another part of the same file.
        damage: the list to which what is left out is added."""

    def __init__(self, path: Path, filler: SilenceFiller, damage: list[Hole]):
        self._path, self._filler, self._damage = path, filler, damage
        self.ends_broken = False  # the packets after the last frame could not be decoded
        self.last_position = 0  # of a packet in the container, in bytes
        self._is_broken = False  # packets were lost since the last hole
        self._clock_s = 0.0  # of a format that states no times
        self._good_bytes, self._good_s, self._lost_bytes = 0, 0.0, 0
        self._last_progress_s = 0.0

    def read(self, container: InputContainer, track: int) -> Iterator[av.AudioFrame]:
        """Yields the frames of a track, which is counted from 0, with silence in its holes.

        Raises AudioDecodeError if the first frame's rate cannot be used, or there is no sample for MAX_STALL_S; the
        time that the caller takes does not count."""
        has_times = is_timed(container)
        is_gapless = container.format.name in GAPLESS_FORMATS
        self._last_progress_s = time.monotonic()
        for packet in _packets(container, track):
            self.last_position = max(self.last_position, self._end_of(packet))
            for frame in self._decoded(packet):
                for part in self._filled(frame, has_times, is_gapless):
                    part.pts = None  # invalid time stamps would stop the resampler
                    started_s = time.monotonic()
                    yield part
                    resumed_s = time.monotonic()
                    waited_s = resumed_s - started_s
                    self._last_progress_s = resumed_s if part.samples else self._last_progress_s + waited_s
            self._require_progress()

    def _end_of(self, packet: Packet | None) -> int:
        return 0 if packet is None or packet.pos is None else packet.pos + packet.size

    def _require_progress(self) -> None:
        if time.monotonic() - self._last_progress_s > MAX_STALL_S:
            raise AudioDecodeError(
                f"{self._path.name}: no sound in {MAX_STALL_S:g} s of decoding; save it again as WAV"
            )

    def _decoded(self, packet: Packet | None) -> list[av.AudioFrame]:
        """Returns the usable frames of a packet; none if it is broken."""
        if packet is None:
            self._count_broken(b"")
            return []
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self._count_broken(bytes(packet))
            return []
        if not self._good_s:
            for frame in frames:
                require_usable_rate(frame.sample_rate, frame.layout.nb_channels, self._path)
        usable = [frame for frame in frames if is_usable_rate(frame.sample_rate, frame.layout.nb_channels)]
        if usable:
            self._good_bytes += packet.size
            self._good_s += sum(frame.samples / frame.sample_rate for frame in usable)
        return usable

    def _filled(self, frame: av.AudioFrame, has_times: bool, is_gapless: bool) -> Iterator[av.AudioFrame]:
        """Yields silence for what is missing before a frame, then the frame, in short parts."""
        if not has_times:
            self._clock_s += self._lost_s()
        time_s = frame.time if has_times else self._clock_s
        self._clock_s += frame.samples / frame.sample_rate
        known_holes = len(self._filler.holes)
        for part in self._filler.feed(interleaved(frame), time_s):
            if (self._is_broken or is_gapless) and len(self._filler.holes) > known_holes:
                self._damage.append(self._filler.holes[-1])
                self._is_broken = False
            yield from sliced(part, round(MAX_FRAME_S * part.sample_rate))
        self._lost_bytes, self.ends_broken = 0, False

    def _count_broken(self, content: bytes) -> None:
        if content.startswith(TAGS):
            return
        self._lost_bytes += len(content)
        self._is_broken = self.ends_broken = True

    def _lost_s(self) -> float:
        """Returns the estimated duration of the broken packets since the last frame."""
        return self._lost_bytes * self._good_s / self._good_bytes if self._good_bytes else 0.0


def is_timed(container: InputContainer) -> bool:
    """True if a format states the times of its packets."""
    return container.format.name in TIMED_FORMATS


def _packets(container: InputContainer, track: int) -> Iterator[Packet | None]:
    """Yields the packets of a track; None if the rest of the file cannot be read."""
    errors = 0
    while True:
        try:
            for packet in container.demux(audio=track):
                errors = 0
                yield packet
            return
        except av.FFmpegError as error:
            errors += 1
            is_other_stream = isinstance(error, PatchWelcomeError)  # of Ogg, with parameters of its own
            if is_other_stream or errors > MAX_READ_ERRORS:
                yield None
                return
