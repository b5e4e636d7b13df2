import json
import subprocess
import sys
from pathlib import Path

import jiwer
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.captions.captioner import Captioner
from qal.cli.subcommands.captions import play
from qal.corpus.manifest import Corpus
from qal.errors import AudioDecodeError
from qal.text.normalisation.basic import normalise_basic
from tests.fakes import ScriptedEngine, noise


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qal", "captions", *arguments], capture_output=True, text=True, timeout=250
    )


@pytest.mark.timeout(300)
def test_captions_command_captions_a_real_prompt(english_corpus: Corpus, base_directory: Path):
    row = next(row for row in english_corpus.rows if 2 < row.duration_s < 4 and len(row.text.split()) > 5)
    audio = str(english_corpus.audio_path(row))
    done = run(str(base_directory), audio, "--session.tentative_every_s", "0", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    text = " ".join(caption["text"] for caption in report["captions"])
    assert jiwer.wer(normalise_basic(row.text), normalise_basic(text)) < 0.3
    assert report["language"] == "en"
    assert text.split()[0] in done.stdout.splitlines()[0]


def test_captioner_captions_a_file(english_corpus: Corpus):
    row = next(row for row in english_corpus.rows if 2 < row.duration_s < 4 and len(row.text.split()) > 5)
    captions = list(Captioner("base-adaptive", "en").from_file(english_corpus.audio_path(row)))
    text = " ".join(c.text for c in captions if c.final)
    assert jiwer.wer(normalise_basic(row.text), normalise_basic(text)) < 0.3
    assert any(not c.final for c in captions)


def test_missing_microphone_is_an_audio_error():
    with pytest.raises(AudioDecodeError, match="microphone"):
        list(Captioner(ScriptedEngine()).from_microphone(0.2))


def test_file_shorter_than_a_packet_is_played():
    assert list(play(Captioner(ScriptedEngine(), "en"), noise(SAMPLE_RATE // 20), realtime=False)) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["base", "no-such-file.wav"], "there is no such file"),
        (["base", "a.wav", "--gate.end_threshold", "0.9"], "end_threshold 0.9 is above start_threshold 0.5"),
        (["base", "a.wav", "--gate.hang_over_ms", "5"], "gate.hang_over_ms"),
        (["base", "a.wav", "--bogus"], "--bogus"),
    ],
)
def test_wrong_command_line_is_one_sentence(arguments: list[str], sentence: str):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
