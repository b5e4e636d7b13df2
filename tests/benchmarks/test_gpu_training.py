"""The training part of the GPU benchmark compares adaptive context with padding to 30 s."""

from benchmarks.gpu.options import GpuOptions
from benchmarks.gpu.results import Results
from benchmarks.gpu.training import adaptive_training_frames, compare, make_batch
from qal.audio.samples import WINDOW_FRAMES
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.examples import IGNORED_LABEL


def test_adaptive_training_is_compared_with_padding_and_checked_against_the_bars():
    results = Results({}, {})
    results.put(
        {"train_base_batch16_5s_utterances_per_s": 60.0, "train_base_batch16_5s_peak_mb": 4000},
        {"train_base_batch16_30s_context_utterances_per_s": 10.0, "train_base_batch16_30s_context_peak_mb": 10_000},
    )
    compare("base", GpuOptions(sizes=["base"]), results)
    assert results.figures["train_base_batch16_5s_times_faster"] == 6.0
    assert results.figures["train_base_batch16_5s_memory_share"] == 0.4
    assert [bar["met"] for bar in results.bars.values()] == [True, True]
    assert "train_base_batch16_2s_times_faster" not in results.figures  # there was no time for it


def test_training_contexts_have_the_mean_margin_of_the_preset():
    config = TrainingConfig()
    assert adaptive_training_frames(5, config) == 650  # 5 s + 1.05 s, rounded up to 0.5 s
    assert adaptive_training_frames(40, config) == WINDOW_FRAMES


def test_batch_has_features_of_the_context_and_text_of_the_speech():
    batch = make_batch(2, 80, 650, 5)
    assert batch.mel.shape == (2, 80, 650)
    assert ((batch.labels != IGNORED_LABEL).sum(1) == 21).all()  # 4 tokens for each second, and the end
