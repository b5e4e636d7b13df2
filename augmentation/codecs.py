"""Speech through a codec and back, by FFmpeg's encoders (PyAV): what telephones, calls and files leave of it."""

from dataclasses import dataclass

import av
import numpy as np
import soxr

from augmentation.options import Codec, CodecOptions
from qal.audio.samples import SAMPLE_RATE, Samples


@dataclass(frozen=True)
class Form:
    encoder: str
    decoder: str
    rate: int  # Hz
    kbps: int | None  # None: drawn
    delay: int  # samples at SAMPLE_RATE by which the sound comes out late


FORMS: dict[Codec, Form] = {
    "mp3": Form("libmp3lame", "mp3", SAMPLE_RATE, None, delay=0),
    "telephone": Form("pcm_mulaw", "pcm_mulaw", 8000, 64, delay=0),
    "mobile": Form("libopencore_amrnb", "amrnb", 8000, 7, delay=80),
    "opus": Form("libopus", "libopus", SAMPLE_RATE, None, delay=0),  # FFmpeg's own decoder howls on tones
}


def coded(samples: Samples, kind: Codec, kbps: int) -> Samples:
    """(n,) -> (n,), not delayed. kbps is heard by mp3 and opus alone."""
    form = FORMS[kind]
    narrow = _resampled(samples, SAMPLE_RATE, form.rate)
    heard = _resampled(_round_trip(narrow, form, form.kbps or kbps), form.rate, SAMPLE_RATE)[form.delay :]
    return np.pad(heard[: len(samples)], (0, max(0, len(samples) - len(heard))))


def _resampled(samples: Samples, rate: int, new_rate: int) -> Samples:
    return samples if rate == new_rate else soxr.resample(samples, rate, new_rate)


def _round_trip(samples: Samples, form: Form, kbps: int) -> Samples:
    """Encoded and decoded in memory; the length may differ by a frame."""
    encoder = av.CodecContext.create(form.encoder, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.bit_rate = form.rate, "mono", kbps * 1000
    encoder.format = encoder.codec.audio_formats[0].name  # pyright: ignore[reportOptionalSubscript]
    encoder.open()
    decoder = av.CodecContext.create(form.decoder, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout, decoder.extradata = form.rate, "mono", encoder.extradata
    to_codec = av.AudioResampler(encoder.format, "mono", form.rate, encoder.frame_size or None)
    from_codec = av.AudioResampler("fltp", "mono", form.rate)
    frame = av.AudioFrame.from_ndarray(np.clip(samples, -1, 1)[None], format="fltp", layout="mono")
    frame.sample_rate = form.rate
    frames = [*to_codec.resample(frame), *to_codec.resample(None), None]
    packets = [packet for f in frames for packet in encoder.encode(f)]
    decoded = [f for packet in [*packets, None] for f in decoder.decode(packet)]
    return np.concatenate([r.to_ndarray()[0] for f in decoded for r in from_codec.resample(f)])


class Coding:
    """Sends the sound through one of the chosen codecs."""

    def __init__(self, options: CodecOptions):
        self.options = options

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        o = self.options
        return coded(samples, o.kinds[rng.integers(len(o.kinds))], int(rng.integers(o.min_kbps, o.max_kbps + 1)))
