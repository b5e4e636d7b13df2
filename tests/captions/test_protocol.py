"""Nothing is lost or doubled, whatever the network and the server do."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.captioner import Captioner
from qal.captions.protocol import HEADER, MAX_EARLY_SAMPLES, Inlet, Packet, PacketError, pack, unpack
from qal.captions.record import Record, new_id, sweep
from qal.captions.resumable_session import LiveStream, Update
from qal.captions.scheduler import Scheduler
from qal.captions.session import Caption, CaptionSession
from qal.errors import OptionError
from tests.fakes import ScriptedEngine

PACKET = 1536  # samples, as the page sends them


def as_sent(samples: Samples) -> Samples:
    return unpack(pack(0, samples)).samples


@pytest.fixture(scope="module")
def speech(english_corpus) -> Samples:
    """Three prompts with pauses, as they come over the wire."""
    from qal.audio.decode import decode

    rows = [r for r in english_corpus.select("test") if 2 < r.duration_s < 5][:3]
    pause = np.zeros(int(1.2 * SAMPLE_RATE), np.float32)
    whole = np.concatenate([pause, *(part for r in rows for part in (decode(english_corpus.audio_path(r)), pause))])
    return np.concatenate([as_sent(whole[i : i + PACKET]) for i in range(0, len(whole), PACKET)])


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler(ScriptedEngine())
    yield made
    made.close()


class Client:
    """Keeps what is not acknowledged, as the page does."""

    def __init__(self, samples: Samples):
        self.samples, self.ack = samples, 0
        self.captions: dict[int, Caption] = {}

    def hear(self, update: Update) -> None:
        self.ack = max(self.ack, update.ack)
        self.captions |= {c.index: c for c in update.captions if c.final}

    def packets(self, start: int, end: int) -> list[bytes]:
        return [pack(i, self.samples[i : min(end, i + PACKET)]) for i in range(start, end, PACKET)]

    def texts(self) -> list[tuple[str, float, float]]:
        said = [c for _, c in sorted(self.captions.items()) if c.text]
        return [(c.text, round(c.start_s, 2), round(c.end_s, 2)) for c in said]


def unbroken(samples: Samples) -> list[tuple[str, float, float]]:
    captioner, client = Captioner(ScriptedEngine(), "en"), Client(samples)
    client.hear(Update([*captioner.feed(samples), *captioner.flush()], 0))
    return client.texts()


@pytest.mark.parametrize("seed", range(4))
def test_loss_doubling_and_disorder_lose_nothing(seed: int, speech: Samples, scheduler: Scheduler, tmp_path: Path):
    rng = np.random.default_rng(seed)
    client = Client(speech)
    stream = LiveStream(Record(tmp_path, new_id()), scheduler, CaptionSession("en"), client.hear)
    sent = 0
    while stream.next_sample < len(speech):
        sent = min(len(speech), max(sent, stream.next_sample) + 20 * PACKET)
        packets = client.packets(stream.next_sample, sent)
        arriving = [p for p in packets for _ in range(rng.choice([0, 1, 1, 2]))]
        for i in rng.permutation(len(arriving)):
            stream.take(arriving[i])
    stream.finish()
    assert client.texts() == unbroken(speech)


@pytest.mark.parametrize("seed", range(4))
def test_a_restarted_server_loses_and_doubles_nothing(seed: int, speech: Samples, tmp_path: Path):
    rng = np.random.default_rng(seed)
    client, session = Client(speech), new_id()
    position, kept_from = 0, 0
    while position < len(speech):
        scheduler = Scheduler(ScriptedEngine())  # a new server knows nothing but the disk
        stream = LiveStream(Record(tmp_path, session), scheduler, CaptionSession("en"), client.hear, kept_from)
        position = min(len(speech), stream.next_sample + int(rng.integers(2, 10) * SAMPLE_RATE))
        for packet in client.packets(stream.next_sample, position):
            stream.take(packet)
        if position == len(speech):
            stream.finish()
        kept_from = client.ack if rng.random() < 0.7 else kept_from  # the last acknowledgement may be lost, too
        scheduler.close()
    assert [(t[1], t[2]) for t in client.texts()] == [
        (pytest.approx(a, abs=0.2), pytest.approx(b, abs=0.2)) for _, a, b in unbroken(speech)
    ]
    on_disk = Record(tmp_path, session).lines()
    assert [line.text for line in on_disk] == [t[0] for t in client.texts()]
    assert [line.index for line in on_disk] == sorted({line.index for line in on_disk})


def test_finals_are_on_disk_before_they_are_told(speech: Samples, scheduler: Scheduler, tmp_path: Path):
    record = Record(tmp_path, new_id())
    missing: list[Caption] = []

    def told(update: Update) -> None:
        saved = {line.index for line in record.lines()}
        missing.extend(c for c in update.captions if c.final and c.text and c.index not in saved)

    stream = LiveStream(record, scheduler, CaptionSession("en"), told)
    for packet in Client(speech).packets(0, len(speech)):
        stream.take(packet)
    stream.finish()
    assert record.lines()
    assert not missing


def test_an_acknowledgement_never_passes_speech_that_is_not_final(
    speech: Samples, scheduler: Scheduler, tmp_path: Path
):
    client = Client(speech)
    stream = LiveStream(Record(tmp_path, new_id()), scheduler, CaptionSession("en"), client.hear)
    for packet in client.packets(0, len(speech)):
        stream.take(packet)
        ends = [c.end_s for c in client.captions.values()]
        began = [start for _, start, end in unbroken(speech) if not any(abs(end - e) < 0.01 for e in ends)]
        assert client.ack <= min(began, default=np.inf) * SAMPLE_RATE


def test_half_a_line_is_no_caption_and_swallows_nothing(tmp_path: Path):
    record = Record(tmp_path, new_id())
    record.begin()
    for index in range(2):
        record.append(Caption(index, 0, 1, "one", True), 16_000)
        with record.file.open("ab") as file:
            file.write(b'{"index": 9, "te')
    assert [line.index for line in record.lines()] == [0, 1]


@pytest.mark.parametrize("name", ["", "../../etc/passwd00", "short", "x" * 65, "a/b" * 8, "ቃል" * 8])
def test_a_session_cannot_be_named_out_of_its_folder(name: str, tmp_path: Path):
    with pytest.raises(OptionError):
        Record(tmp_path, name)


def test_old_sessions_are_deleted_and_nothing_else(tmp_path: Path):
    record = Record(tmp_path, new_id())
    record.begin()
    (tmp_path / "notes").mkdir()
    assert sweep(tmp_path, kept_days=1) == 0
    assert sweep(tmp_path, kept_days=-1) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize(
    "data", [b"", b"1234567", b"12345678x", HEADER.pack(2**60) + b"xx", HEADER.pack(0) + bytes(2 * 31 * SAMPLE_RATE)]
)
def test_a_hostile_packet_is_refused(data: bytes):
    with pytest.raises(PacketError):
        unpack(data)


def test_what_comes_too_early_takes_bounded_memory():
    inlet = Inlet()
    for i in range(1, 100):
        inlet.take(Packet(i * SAMPLE_RATE, np.zeros(SAMPLE_RATE, np.float32)))
    assert sum(len(p.samples) for p in inlet._early.values()) <= MAX_EARLY_SAMPLES
    assert len(inlet.take(Packet(0, np.zeros(SAMPLE_RATE, np.float32)))) == MAX_EARLY_SAMPLES + SAMPLE_RATE
