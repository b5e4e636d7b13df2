"""Transformers without its progress bars, and without DeepSpeed."""

import subprocess
import sys

CODE = """
import sys
from pathlib import Path
from qal.cli.quiet import quiet_transformers
quiet_transformers()
from transformers import WhisperConfig, WhisperForConditionalGeneration
sizes = dict(d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
             encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=100)
tokens = dict(pad_token_id=1, bos_token_id=1, eos_token_id=1, decoder_start_token_id=1)
WhisperForConditionalGeneration(WhisperConfig(**sizes, **tokens)).save_pretrained(sys.argv[1])
WhisperForConditionalGeneration.from_pretrained(sys.argv[1])
assert "deepspeed" not in sys.modules
"""


def test_saving_and_loading_weights_prints_nothing_and_imports_no_deepspeed(tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
