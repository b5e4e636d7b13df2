import json

from qal.jobs.sample_predictions import read_samples
from tests.run_folders import samples_row, scripted_run

AUDIO = ["/data/a.wav", "/data/b.wav", "/data/c.wav"]


def test_validations_come_in_order_and_repeated_ones_once(tmp_path):
    run = scripted_run(tmp_path / "runs", "r", "failed")
    for epoch, attempt in ((0, 1), (1, 1), (2, 1), (2, 2), (3, 2)):
        run.append_samples(samples_row(epoch, AUDIO, attempt))
    found = read_samples(run.samples_file)
    assert [h.epoch for h in found] == [0, 1, 2, 3]
    assert found[0].samples[0].heard == "Your a count has been activated."
    assert found[3].samples[0].audio == "/data/a.wav"


def test_torn_and_foreign_lines_are_left_out(tmp_path):
    run = scripted_run(tmp_path / "runs", "r", "failed")
    run.append_samples(samples_row(0, AUDIO))
    row = {**samples_row(1, AUDIO), "time": 1.0}
    lines = [json.dumps({**row, "samples": broken}) for broken in (None, 5, [1, None], [{}], [{"text": 5}])]
    with run.samples_file.open("a") as file:
        file.write("\n".join([*lines, '{"epoch": 2', "null"]))
    found = read_samples(run.samples_file)
    assert [h.epoch for h in found] == [0, 1]
    assert found[1].samples[0].text == "5"


def test_there_may_be_none(tmp_path):
    assert read_samples(tmp_path / "none") == []
