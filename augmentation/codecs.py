"""Speech encoded and decoded with a lossy codec, with FFmpeg's encoders (PyAV): MP3, telephone, mobile and Opus."""

from dataclasses import dataclass

import av
import numpy as np
import soxr

from augmentation.options import Codec, CodecOptions
from qal.audio.samples import SAMPLE_RATE, Samples


@dataclass(frozen=True)
class CodecSpec:
    """FFmpeg's encoder and decoder of a codec, and how to call them."""

    encoder: str
    decoder: str
    rate_hz: int
    kbps: int | None  # None: the caller chooses
    delay_samples: int  # of the decoded audio, at SAMPLE_RATE


CODEC_SPECS: dict[Codec, CodecSpec] = {
    "mp3": CodecSpec("libmp3lame", "mp3", SAMPLE_RATE, None, delay_samples=0),
    "telephone": CodecSpec("pcm_mulaw", "pcm_mulaw", 8000, 64, delay_samples=0),
    "mobile": CodecSpec("libopencore_amrnb", "amrnb", 8000, 7, delay_samples=80),
    "opus": CodecSpec("libopus", "libopus", SAMPLE_RATE, None, delay_samples=0),  # FFmpeg's decoder distorts tones
}


def apply_codec(samples: Samples, codec: Codec, kbps: int) -> Samples:
    """Encodes and decodes samples without delay: (n,) -> (n,). `kbps` applies to mp3 and opus only."""
    spec = CODEC_SPECS[codec]
    narrow = _resampled(samples, SAMPLE_RATE, spec.rate_hz)
    decoded = _resampled(_encode_and_decode(narrow, spec, spec.kbps or kbps), spec.rate_hz, SAMPLE_RATE)
    decoded = decoded[spec.delay_samples :]
    return np.pad(decoded[: len(samples)], (0, max(0, len(samples) - len(decoded))))


def _resampled(samples: Samples, rate_hz: int, new_rate_hz: int) -> Samples:
    return samples if rate_hz == new_rate_hz else soxr.resample(samples, rate_hz, new_rate_hz)


def _encode_and_decode(samples: Samples, spec: CodecSpec, kbps: int) -> Samples:
    """Encodes and decodes in memory at the codec's rate; the length may differ by one frame."""
    encoder = _open_encoder(spec, kbps)
    decoder = av.CodecContext.create(spec.decoder, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate = spec.rate_hz
    decoder.layout = "mono"
    decoder.extradata = encoder.extradata
    to_codec = av.AudioResampler(encoder.format, "mono", spec.rate_hz, encoder.frame_size or None)
    from_codec = av.AudioResampler("fltp", "mono", spec.rate_hz)
    frame = av.AudioFrame.from_ndarray(np.clip(samples, -1, 1)[None], format="fltp", layout="mono")
    frame.sample_rate = spec.rate_hz
    frames = [*to_codec.resample(frame), *to_codec.resample(None), None]
    packets = [packet for f in frames for packet in encoder.encode(f)]
    decoded = [f for packet in [*packets, None] for f in decoder.decode(packet)]
    return np.concatenate([r.to_ndarray()[0] for f in decoded for r in from_codec.resample(f)])


def _open_encoder(spec: CodecSpec, kbps: int) -> av.AudioCodecContext:
    encoder = av.CodecContext.create(spec.encoder, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = spec.rate_hz
    encoder.layout = "mono"
    encoder.bit_rate = kbps * 1000
    encoder.format = encoder.codec.audio_formats[0].name  # pyright: ignore[reportOptionalSubscript]
    encoder.open()
    return encoder


class RandomCodec:
    """Encodes and decodes with a random codec of the options at a random bit rate."""

    def __init__(self, options: CodecOptions):
        self.options = options

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        codecs = self.options.kinds
        codec = codecs[rng.integers(len(codecs))]
        return apply_codec(samples, codec, int(rng.integers(self.options.min_kbps, self.options.max_kbps + 1)))
