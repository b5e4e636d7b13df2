"""A real model: a transcription that is killed is resumed with the same text."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qal.audio.blocks import write_wav
from qal.corpus.manifest import Corpus
from qal.subcommand import qal_environment
from qal.transcription.store import TranscriptStore
from tests.long_recordings import join_utterances
from tests.waiting import wait_until

pytestmark = pytest.mark.long  # it transcribes five minutes twice

ROWS = 120  # about five minutes


def write_recording(path: Path, corpus: Corpus) -> Path:
    samples, _ = join_utterances(corpus, corpus.rows[:ROWS], np.random.default_rng(0))
    write_wav(path, samples)
    return path


def start(model: Path, recording: Path, transcripts: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "qal", "transcribe", str(model), str(recording), "--transcripts", str(transcripts)]
    environment = qal_environment(PYTHONPATH=str(Path(__file__).parents[2]))
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_killed_transcription_is_resumed_with_the_same_text(base_directory, english_corpus, tmp_path):
    recording = write_recording(tmp_path / "talk.wav", english_corpus)
    killed = TranscriptStore(tmp_path / "killed")
    process = start(base_directory, recording, killed.folder)
    wait_until(lambda: any(transcript.segments() for transcript in killed.all()))
    process.kill()
    process.communicate()
    (transcript,) = killed.unfinished()
    assert transcript.state().settled_s > 0
    resumed, _ = start(base_directory, recording, killed.folder).communicate()
    whole, _ = start(base_directory, recording, tmp_path / "whole").communicate()
    assert resumed == whole
    assert transcript.is_done()
