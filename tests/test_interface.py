"""The documented Python interface: `from qal import Captioner, load_engine, transcribe`."""

import subprocess
import sys

import numpy as np
import pytest

import qal
from qal import Captioner, load_engine, transcribe
from qal.audio.samples import SAMPLE_RATE
from qal.errors import LanguageError, ModelError


def test_import_is_lazy_and_brings_no_torch():
    code = "import sys, qal; assert 'numpy' not in sys.modules; from qal import Captioner, load_engine, transcribe; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_all_names_are_offered_and_others_are_attribute_errors():
    assert set(qal.__all__) <= set(dir(qal))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = qal.nonsense  # pyright: ignore[reportAttributeAccessIssue]


def test_transcribe_reads_a_file_and_samples_alike(base_directory, english_corpus):
    from qal.audio.decode import decode

    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    file = english_corpus.audio_path(row)
    engine = load_engine(base_directory, "en", compute_type="float32")
    from_file, from_samples = transcribe(file, engine, "en"), transcribe(decode(file), engine, "en")
    assert from_file == from_samples
    assert from_file[0].text.strip()
    assert 0 <= from_file[0].start_s < from_file[-1].end_s <= row.duration_s + 1


def test_transcribe_of_silence_is_empty(base_directory):
    assert transcribe(np.zeros(3 * SAMPLE_RATE, np.float32), base_directory) == []


def test_unknown_model_and_language_are_named(base_directory):
    with pytest.raises(ModelError, match="nonsense"):
        load_engine("nonsense")
    with pytest.raises(LanguageError, match="xx"):
        load_engine(base_directory, "xx")
    assert callable(Captioner.from_file)
