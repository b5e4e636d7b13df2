import json

from qal.jobs.sample_predictions import read_samples
from tests.run_folders import samples_row, scripted_run

AUDIO = ["/data/a.wav", "/data/b.wav", "/data/c.wav"]


def test_samples_are_ordered_by_epoch_without_repeated_epochs(tmp_path):
    run = scripted_run(tmp_path / "runs", "r", "failed")
    for epoch, attempt in ((0, 1), (1, 1), (2, 1), (2, 2), (3, 2)):
        run.append_samples(samples_row(epoch, AUDIO, attempt))
    validations = read_samples(run.samples_file)
    assert [validation.epoch for validation in validations] == [0, 1, 2, 3]
    assert validations[0].samples[0].prediction == "Your a count has been activated."
    assert validations[3].samples[0].audio == "/data/a.wav"


def test_torn_and_invalid_sample_lines_are_ignored(tmp_path):
    run = scripted_run(tmp_path / "runs", "r", "failed")
    run.append_samples(samples_row(0, AUDIO))
    row = {**samples_row(1, AUDIO), "time": 1.0}
    lines = [json.dumps({**row, "samples": broken}) for broken in (None, 5, [1, None], [{}], [{"text": 5}])]
    with run.samples_file.open("a") as file:
        file.write("\n".join([*lines, '{"epoch": 2', "null"]))
    validations = read_samples(run.samples_file)
    assert [validation.epoch for validation in validations] == [0, 1]
    assert validations[1].samples[0].reference == "5"


def test_missing_samples_file_has_no_samples(tmp_path):
    assert read_samples(tmp_path / "none") == []
