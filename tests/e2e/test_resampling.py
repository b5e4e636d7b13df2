"""The worklet's own resampling, for browsers that give a microphone only at its own rate."""

import numpy as np
import pytest
import soxr

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.evaluation.error_rates import count_errors
from tests.e2e.live_page import finals, start, write_speech
from ui_components.live.view import SCRIPTS

pytestmark = pytest.mark.long  # each opens pages and servers of its own

SECONDS = 2
EDGE = 200  # samples in which the filters see the signal begin and end
RENDER = """async ([rate, samples, worklet]) => {
  const context = new OfflineAudioContext(1, samples.length, rate), heard = [];
  const buffer = context.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(Float32Array.from(samples), 0);
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "qal-packets", { numberOfOutputs: 0 });
  node.port.onmessage = (event) => heard.push(...event.data);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(node);
  source.start();
  await context.startRendering();
  node.port.postMessage("send");
  await new Promise((resolve) => setTimeout(resolve, 300));
  return heard;
}"""
# As Firefox: a microphone is heard at the device's rate or not at all.
OWN_RATE_ONLY = """(() => {
  const { AudioContext, MediaStreamAudioSourceNode } = window;
  window.AudioContext = class extends AudioContext { constructor(options) { super({ sampleRate: %d, ...options }); } };
  window.MediaStreamAudioSourceNode = class extends MediaStreamAudioSourceNode {
    constructor(context, options) {
      if (context.sampleRate !== %d) throw new DOMException("other rates", "NotSupportedError");
      window.qalHeardAt = context.sampleRate;
      super(context, options);
    }
  };
})()"""


@pytest.fixture
def resample(browse):
    """resample(rate, samples) -> what the worklet makes of them in a browser, at 16 kHz."""
    page = browse("about:blank")
    page.route("http://localhost/", lambda route: route.fulfill(body="<p>", content_type="text/html"))
    page.goto("http://localhost/")  # worklets are for secure pages
    constants = (SCRIPTS / "sound.js").read_text(encoding="utf-8").partition("class Sound")[0]
    worklet = page.evaluate(f"() => {{ {constants}; return WORKLET; }}")
    return lambda rate, samples: np.array(page.evaluate(RENDER, [rate, samples.tolist(), worklet])) / 32768


def sweep(rate: int, low_hz: float, high_hz: float) -> Samples:
    t = np.arange(SECONDS * rate) / rate
    return (0.5 * np.sin(2 * np.pi * (low_hz + (high_hz - low_hz) * t / (2 * SECONDS)) * t)).astype(np.float32)


def decibels(a, b) -> float:
    return 10 * float(np.log10(np.mean(np.square(a)) / np.mean(np.square(b))))


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_speech_is_kept_and_what_16_khz_cannot_hold_is_not_folded_into_it(resample, rate):
    spoken = sweep(rate, 50, min(7000, 0.43 * rate))
    wanted, got = soxr.resample(spoken, rate, SAMPLE_RATE, "VHQ"), resample(rate, spoken)
    middle = slice(EDGE, min(len(wanted), len(got)) - EDGE)
    assert len(got) > len(wanted) - EDGE
    assert decibels(wanted[middle], (wanted[: len(got)] - got[: len(wanted)])[middle]) > 60
    if rate > SAMPLE_RATE:
        above = sweep(rate, 9000, 0.48 * rate)
        assert decibels(above, resample(rate, above)[middle]) > 60


def test_a_browser_that_hears_only_at_the_microphones_rate_is_captioned_as_well(
    serve, browse, tmp_path, english_corpus, base_directory
):
    wav, truth, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 2)
    address = serve("app_streaming.py")
    pages = {rate: browse(address, microphone=wav, script=OWN_RATE_ONLY % (rate, rate)) for rate in (44_100, 48_000)}
    pages[SAMPLE_RATE] = browse(address, microphone=wav)
    for page in pages.values():
        start(page)
    pages[SAMPLE_RATE].wait_for_timeout(1000 * duration_s)
    wer = {rate: count_errors([truth], [" ".join(finals(page))]).wer for rate, page in pages.items()}
    for rate in (44_100, 48_000):
        assert pages[rate].evaluate("window.qalHeardAt") == rate
        assert wer[rate] <= wer[SAMPLE_RATE] + 1 / len(truth.split())  # no two recordings are the same, to a word
