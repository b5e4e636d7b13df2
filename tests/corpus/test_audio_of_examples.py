"""New examples are FLAC; datasets of older versions, which hold WAV, keep their splits and are continued."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from qal.audio.blocks import read_audio_format
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.corpus.corrections import SOURCE, Correction, add_correction
from qal.corpus.importers.conversion.writing import flac_bytes
from qal.corpus.importers.staging import add_utterance, staged, write_split_corpus
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.split import SPLITS, Split
from qal.errors import AudioDecodeError
from tests.fakes import noise
from tests.sounds import write_audio

ORIGIN = Origin(name="old", source=SOURCE, licence="CC0-1.0")


def sound(seed: int) -> Samples:
    return from_pcm16(to_pcm16(noise(SAMPLE_RATE // 4, seed)))


def wav_row(folder: Path, name: str, text: str, split: Split, seed: int) -> Row:
    """A row as older versions wrote it."""
    path = write_audio(folder / f"audio/{name}.wav", sound(seed))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Row(audio=f"audio/{name}.wav", text=text, language="en", duration_s=0.25, split=split, sha256=sha256)


def wav_corpus(folder: Path, count: int) -> Corpus:
    """A corpus whose splits follow no hash. Every third text has no words, so that the hash of its audio counts."""
    rows = [wav_row(folder, f"{i:03}", f"line {i}" if i % 3 else "12 ...", SPLITS[i % 7 % 3], i) for i in range(count)]
    return write_corpus(folder, ORIGIN, rows)


def test_added_example_is_flac_with_the_same_samples(tmp_path: Path):
    row = add_utterance(tmp_path, "audio/sub/a.b", sound(1), "words", "en", "Anna")
    path = tmp_path / row.audio
    assert (row.audio, row.duration_s, row.speaker, row.notes) == ("audio/sub/a.b.flac", 0.25, "Anna", ())
    assert (decode(path) == sound(1)).all()
    assert path.read_bytes() == flac_bytes(sound(1))
    assert row.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    found = read_audio_format(path)
    assert (found.container, found.rate_hz, found.channels, found.is_browser_playable) == ("flac", 16_000, 1, True)


def test_added_example_above_full_scale_is_scaled_as_a_whole_and_noted(tmp_path: Path):
    row = add_utterance(tmp_path, "audio/a", 2 * sound(1) / np.abs(sound(1)).max(), "words", "en")
    assert np.abs(decode(tmp_path / row.audio)).max() == pytest.approx(1, abs=1e-3)
    assert "scaled down by 6.0 dB" in row.notes[0]


def test_silent_example_is_refused_by_its_name(tmp_path: Path):
    with pytest.raises(AudioDecodeError, match=r"^a: is silent"):
        add_utterance(tmp_path, "audio/a", np.zeros(SAMPLE_RATE, np.float32), "words", "en")


def test_dataset_with_wav_that_is_imported_again_keeps_every_split(tmp_path: Path):
    before = wav_corpus(tmp_path / "old", 60)
    with staged(before.folder, force=True) as folder:
        rows = [
            add_utterance(folder, row.audio.removesuffix(".wav"), decode(before.audio_path(row)), row.text, "en")
            for row in before.rows
        ]
        write_split_corpus(folder, before.folder, ORIGIN, rows)
    after = read_corpus(before.folder)
    assert [row.audio for row in after.rows] == [row.audio.replace(".wav", ".flac") for row in before.rows]
    assert [row.split for row in after.rows] == [row.split for row in before.rows]


def test_caption_that_is_corrected_again_replaces_its_wav_file_and_keeps_its_split(tmp_path: Path):
    before = wav_corpus(tmp_path / "mine", 12)
    _, row = add_correction(tmp_path, "mine", Correction("004", sound(99), "another text", "en"))
    after = read_corpus(before.folder)
    assert (row.audio, row.split) == ("audio/004.flac", before.rows[4].split)
    assert len(after.rows) == 12
    assert sorted(path.name for path in (before.folder / "audio").iterdir()) == sorted(
        Path(row.audio).name for row in after.rows
    )
