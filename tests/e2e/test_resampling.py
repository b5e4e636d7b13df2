"""The audio worklet: it mixes channels, and resamples for browsers that record only at the microphone's rate."""

import numpy as np
import pytest
import soxr

from qal.audio.mix import LIVE_WINDOW_S, MonoMixer
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.evaluation.error_rates import count_errors
from tests.e2e.live_page import start, stop_and_read_captions, write_speech
from ui_components.live.view import SCRIPTS_FOLDER, mixing_constants

pytestmark = pytest.mark.long  # each test opens pages, some start a server

DURATION_S = 2
EDGE_SAMPLES = 200  # transient of the filters at the start and the end
RENDER_JS = """async ([rate, channels, worklet]) => {
  const context = new OfflineAudioContext(channels.length, channels[0].length, rate), packets = [];
  const buffer = context.createBuffer(channels.length, channels[0].length, rate);
  channels.forEach((samples, i) => buffer.copyToChannel(Float32Array.from(samples), i));
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "qal-packets", { numberOfOutputs: 0 });
  node.port.onmessage = (event) => packets.push(...event.data);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(node);
  source.start();
  await context.startRendering();
  node.port.postMessage("send");
  await new Promise((resolve) => setTimeout(resolve, 300));
  return packets;
}"""
# Behaves like Firefox: a microphone can be recorded at the rate of the device only.
DEVICE_RATE_ONLY_JS = """(() => {
  const { AudioContext, MediaStreamAudioSourceNode } = window;
  window.AudioContext = class extends AudioContext { constructor(options) { super({ sampleRate: %d, ...options }); } };
  window.MediaStreamAudioSourceNode = class extends MediaStreamAudioSourceNode {
    constructor(context, options) {
      if (context.sampleRate !== %d) throw new DOMException("other rates", "NotSupportedError");
      window.qalRecordedRate = context.sampleRate;
      super(context, options);
    }
  };
})()"""


@pytest.fixture
def resample(browse):
    """resample(rate_hz, samples) returns samples, (n,) or (channels, n), as the worklet mixes and resamples them."""
    page = browse("about:blank")
    page.route("http://localhost/", lambda route: route.fulfill(body="<p>", content_type="text/html"))
    page.goto("http://localhost/")  # worklets need a secure origin
    constants = (SCRIPTS_FOLDER / "audio.js").read_text(encoding="utf-8").partition("class AudioSource")[0]
    worklet = page.evaluate(f"() => {{ {mixing_constants()} {constants}; return WORKLET; }}")

    def render(rate: int, samples: np.ndarray) -> np.ndarray:
        channels = np.atleast_2d(samples).tolist()
        return np.array(page.evaluate(RENDER_JS, [rate, channels, worklet])) / 32768

    return render


def sweep(rate: int, low_hz: float, high_hz: float) -> Samples:
    """A sine whose frequency rises from low_hz to high_hz."""
    t = np.arange(DURATION_S * rate) / rate
    return (0.5 * np.sin(2 * np.pi * (low_hz + (high_hz - low_hz) * t / (2 * DURATION_S)) * t)).astype(np.float32)


def power_ratio_db(a, b) -> float:
    return 10 * float(np.log10(np.mean(np.square(a)) / np.mean(np.square(b))))


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_resampling_keeps_speech_and_suppresses_aliases(resample, rate):
    speech_band = sweep(rate, 50, min(7000, 0.43 * rate))
    expected = soxr.resample(speech_band, rate, SAMPLE_RATE, "VHQ")
    actual = resample(rate, speech_band)
    middle = slice(EDGE_SAMPLES, min(len(expected), len(actual)) - EDGE_SAMPLES)
    assert len(actual) > len(expected) - EDGE_SAMPLES
    assert power_ratio_db(expected[middle], (expected[: len(actual)] - actual[: len(expected)])[middle]) > 60
    if rate > SAMPLE_RATE:
        above = sweep(rate, 9000, 0.48 * rate)
        assert power_ratio_db(above, resample(rate, above)[middle]) > 60


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 44_100])
@pytest.mark.parametrize("shares", [(1, 1), (1, -1), (0.5, -1), (1, 0.5), (0.8, -1, 0, 0)])
def test_channels_are_mixed_like_those_of_files_so_that_inverted_ones_are_heard(resample, rate, shares):
    voice = 0.2 * sweep(rate, 100, 4000) + np.float32(0.05)
    channels = np.stack([np.float32(share) * voice for share in shares])
    mixer = MonoMixer(round(LIVE_WINDOW_S * rate))
    mixed = np.concatenate([mixer.feed(channels), mixer.flush()])
    expected, actual = resample(rate, mixed), resample(rate, channels)
    n = min(len(expected), len(actual))
    assert n > len(expected) - EDGE_SAMPLES
    assert np.abs(expected[:n] - actual[:n]).max() <= 2 / 32768
    assert actual.std() > 0.02


def test_captions_at_the_microphones_rate_are_as_accurate_as_at_16_khz(
    serve, browse, tmp_path, english_corpus, base_directory
):
    wav, reference, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 2)
    address = serve("app_streaming.py")
    pages = {
        rate: browse(address, microphone=wav, script=DEVICE_RATE_ONLY_JS % (rate, rate)) for rate in (44_100, 48_000)
    }
    pages[SAMPLE_RATE] = browse(address, microphone=wav)
    for page in pages.values():
        start(page)
    pages[SAMPLE_RATE].wait_for_timeout(1000 * duration_s)
    wer = {
        rate: count_errors([reference], [" ".join(stop_and_read_captions(page))]).wer for rate, page in pages.items()
    }
    for rate in (44_100, 48_000):
        assert pages[rate].evaluate("window.qalRecordedRate") == rate
        assert wer[rate] <= wer[SAMPLE_RATE] + 1 / len(reference.split())  # recordings may differ by a word
