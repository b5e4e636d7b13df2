"""Live sessions over lost, duplicate and reordered packets and over restarts of the server."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.captioner import Captioner
from qal.captions.final_captions import Caption
from qal.captions.protocol import HEADER, MAX_EARLY_SAMPLES, Packet, PacketError, ReorderBuffer, pack, unpack
from qal.captions.record import SessionRecord, delete_old_sessions, new_session_id
from qal.captions.resumable_session import ResumableSession, SessionUpdate
from qal.captions.scheduler import Scheduler
from qal.captions.session import CaptionSession
from qal.errors import OptionError
from tests.fakes import ScriptedEngine

PACKET_SAMPLES = 1024  # as the page sends them

TimedText = tuple[str, float, float]  # (text, start_s, end_s)


def as_received(samples: Samples) -> Samples:
    return unpack(pack(0, samples)).samples


@pytest.fixture(scope="module")
def speech(english_corpus) -> Samples:
    """Three utterances with pauses between them, rounded to 16 bits."""
    rows = [r for r in english_corpus.select("test") if 2 < r.duration_s < 5][:3]
    pause = np.zeros(int(1.2 * SAMPLE_RATE), np.float32)
    utterances = [decode(english_corpus.audio_path(row)) for row in rows]
    return as_received(np.concatenate([pause, *(array for u in utterances for array in (u, pause))]))


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    scheduler = Scheduler(ScriptedEngine())
    yield scheduler
    scheduler.close()


class Client:
    """A client that can resend all samples and collects the final captions."""

    def __init__(self, samples: Samples):
        self.samples, self.ack = samples, 0
        self.captions: dict[int, Caption] = {}

    def add_update(self, update: SessionUpdate) -> None:
        self.ack = max(self.ack, update.ack)
        self.captions |= {c.index: c for c in update.captions if c.final}

    def packets(self, start: int, end: int) -> list[bytes]:
        firsts = range(start, end, PACKET_SAMPLES)
        return [pack(first, self.samples[first : min(end, first + PACKET_SAMPLES)]) for first in firsts]

    def texts(self) -> list[TimedText]:
        captions = [c for _, c in sorted(self.captions.items()) if c.text]
        return [(c.text, round(c.start_s, 2), round(c.end_s, 2)) for c in captions]


def expected_texts(samples: Samples) -> list[TimedText]:
    """Returns the texts of a session without any loss."""
    captioner, client = Captioner(ScriptedEngine(), "en"), Client(samples)
    client.add_update(SessionUpdate([*captioner.feed(samples), *captioner.flush()], 0))
    return client.texts()


@pytest.mark.parametrize("seed", range(4))
def test_lost_duplicate_and_reordered_packets_change_no_caption(
    seed: int, speech: Samples, scheduler: Scheduler, tmp_path: Path
):
    rng = np.random.default_rng(seed)
    client = Client(speech)
    record = SessionRecord(tmp_path, new_session_id())
    session = ResumableSession(record, scheduler, CaptionSession("en"), client.add_update)
    sent = 0
    while session.next_sample < len(speech):
        sent = min(len(speech), max(sent, session.next_sample) + 20 * PACKET_SAMPLES)
        packets = client.packets(session.next_sample, sent)
        arriving = [p for p in packets for _ in range(rng.choice([0, 1, 1, 2]))]
        for i in rng.permutation(len(arriving)):
            session.receive(arriving[i])
    session.finish()
    assert client.texts() == expected_texts(speech)


@pytest.mark.parametrize("seed", range(4))
def test_restarted_server_loses_and_duplicates_no_caption(seed: int, speech: Samples, tmp_path: Path):
    rng = np.random.default_rng(seed)
    client, session_id = Client(speech), new_session_id()
    sent, kept_from = 0, 0
    while sent < len(speech):
        scheduler = Scheduler(ScriptedEngine())
        record = SessionRecord(tmp_path, session_id)
        session = ResumableSession(record, scheduler, CaptionSession("en"), client.add_update, kept_from)
        sent = min(len(speech), session.next_sample + int(rng.integers(2, 10) * SAMPLE_RATE))
        for packet in client.packets(session.next_sample, sent):
            session.receive(packet)
        if sent == len(speech):
            session.finish()
        kept_from = client.ack if rng.random() < 0.7 else kept_from  # the last acknowledgement may be lost
        scheduler.close()
    assert [(t[1], t[2]) for t in client.texts()] == [
        (pytest.approx(start_s, abs=0.2), pytest.approx(end_s, abs=0.2)) for _, start_s, end_s in expected_texts(speech)
    ]
    stored = SessionRecord(tmp_path, session_id).stored_captions()
    assert [caption.text for caption in stored] == [t[0] for t in client.texts()]
    assert [caption.index for caption in stored] == sorted({caption.index for caption in stored})


def test_final_captions_are_on_disk_before_they_are_sent(speech: Samples, scheduler: Scheduler, tmp_path: Path):
    record = SessionRecord(tmp_path, new_session_id())
    missing: list[Caption] = []

    def check_update(update: SessionUpdate) -> None:
        stored = {caption.index for caption in record.stored_captions()}
        missing.extend(c for c in update.captions if c.final and c.text and c.index not in stored)

    session = ResumableSession(record, scheduler, CaptionSession("en"), check_update)
    for packet in Client(speech).packets(0, len(speech)):
        session.receive(packet)
    session.finish()
    assert record.stored_captions()
    assert not missing


def test_acknowledgement_never_passes_speech_without_a_final_caption(
    speech: Samples, scheduler: Scheduler, tmp_path: Path
):
    client = Client(speech)
    record = SessionRecord(tmp_path, new_session_id())
    session = ResumableSession(record, scheduler, CaptionSession("en"), client.add_update)
    expected = expected_texts(speech)
    for packet in client.packets(0, len(speech)):
        session.receive(packet)
        ends_s = [c.end_s for c in client.captions.values()]
        pending_starts_s = [start_s for _, start_s, end_s in expected if not any(abs(end_s - e) < 0.01 for e in ends_s)]
        assert client.ack <= min(pending_starts_s, default=np.inf) * SAMPLE_RATE


def test_torn_line_of_captions_jsonl_is_ignored_and_damages_no_other_line(tmp_path: Path):
    record = SessionRecord(tmp_path, new_session_id())
    record.create()
    for index in range(2):
        record.append(Caption(index, 0, 1, "one", True), 16_000)
        with record.file.open("ab") as file:
            file.write(b'{"index": 9, "te')
    assert [caption.index for caption in record.stored_captions()] == [0, 1]


@pytest.mark.parametrize("session_id", ["", "../../etc/passwd00", "short", "x" * 65, "a/b" * 8, "ቃል" * 8])
def test_malformed_session_id_is_refused(session_id: str, tmp_path: Path):
    with pytest.raises(OptionError):
        SessionRecord(tmp_path, session_id)


def test_old_sessions_are_deleted_and_other_folders_are_not(tmp_path: Path):
    record = SessionRecord(tmp_path, new_session_id())
    record.create()
    (tmp_path / "notes").mkdir()
    assert delete_old_sessions(tmp_path, kept_days=1) == 0
    assert delete_old_sessions(tmp_path, kept_days=-1) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize(
    "data", [b"", b"1234567", b"12345678x", HEADER.pack(2**60) + b"xx", HEADER.pack(0) + bytes(2 * 31 * SAMPLE_RATE)]
)
def test_malformed_packet_is_refused(data: bytes):
    with pytest.raises(PacketError):
        unpack(data)


def test_early_packets_take_bounded_memory():
    reorder_buffer = ReorderBuffer()
    second = np.zeros(SAMPLE_RATE, np.float32)
    for i in range(1, 100):
        reorder_buffer.add(Packet(i * SAMPLE_RATE, second))
    assert sum(len(p.samples) for p in reorder_buffer._early.values()) <= MAX_EARLY_SAMPLES
    assert len(reorder_buffer.add(Packet(0, second))) == MAX_EARLY_SAMPLES + SAMPLE_RATE
