"""The spoken words of a cue, and the cues of a file that are faulty."""

import pytest

from qal.corpus.importers.timed.checked import checked_cues
from qal.corpus.importers.timed.cue_text import frequent_labels, spoken_text
from qal.corpus.importers.timed.cues import Cue


@pytest.mark.parametrize(
    ("text", "spoken", "speaker"),
    [
        ("<i>Come</i> in.", "Come in.", ""),
        ("ANNA: Come in.", "Come in.", "Anna"),
        ("[door closes] Come in.", "Come in.", ""),
        ("ANNA: (laughs) Come in.", "Come in.", "Anna"),
        ("- Hi.\n- Hello.", "Hi. Hello.", ""),
        ("– Привет!", "Привет!", ""),
        ("- ANNA: Hi.\n- BEN: Hello.", "Hi. Hello.", ""),
        (">> Come in.", "Come in.", ""),
        ("Tom &amp; Anna", "Tom & Anna", ""),
        ("It is 5:30 now", "It is 5:30 now", ""),
        ("see http://a.b", "see http://a.b", ""),
        ("He said (and I agree) that", "He said (and I agree) that", ""),
        ("[applause]", "", ""),
        ("(5 seconds of silence)", "", ""),
        ("(two lines\nof description)", "", ""),
        ("♪ la la la ♪", "", ""),
        ("# la la la #", "", ""),
        ("*sighs*", "", ""),
        ("...", "", ""),
        ("[አጨበጨቡ]\nሰላም ለዓለም", "ሰላም ለዓለም", ""),
    ],
)
def test_cue_text_without_tags_labels_sounds_and_music(text: str, spoken: str, speaker: str):
    assert spoken_text(text) == (spoken, speaker)


def test_label_in_small_letters_is_a_speaker_only_if_it_is_frequent():
    texts = ["Anna: yes", "Anna: no", "Anna: well", "Remember: this"]
    labels = frequent_labels(texts)
    assert labels == {"Anna"}
    assert spoken_text("Anna: yes", labels) == ("yes", "Anna")
    assert spoken_text("Remember: this", labels) == ("Remember: this", "")


def reasons(*cues: tuple[float, float, str]) -> tuple[list[str], dict[int, str], dict[int, str]]:
    kept, faulty, unspoken = checked_cues([Cue(i, *cue) for i, cue in enumerate(cues, 1)])
    return [cue.text for cue in kept], {c.number: r for c, r in faulty}, {c.number: r for c, r in unspoken}


def test_faulty_cues_are_named_and_the_others_are_kept():
    kept, faulty, unspoken = reasons(
        (0, 1, "One."),
        (-1, 0.5, "two"),
        (3, 2, "three"),
        (4, 4, "four"),
        (5, 6, " "),
        (7, 8, "[music]"),
        (9, 10, "Six"),
    )
    assert kept == ["One.", "Six"]
    assert sorted(faulty) == [2, 3, 4, 5]
    assert "negative" in faulty[2]
    assert "same" in faulty[4]
    assert "no text" in faulty[5]
    assert "[music]" in unspoken[7 - 1]


def test_cues_of_two_people_at_once_are_left_out_and_lines_of_the_same_time_are_joined():
    kept, faulty, _ = reasons(
        (0, 3, "One."), (1, 4, "two"), (5, 6, "Three."), (5, 6, "Four."), (7, 8, "a"), (7.8, 9, "b")
    )
    assert kept == ["Three. Four.", "a", "b"]
    assert "cue 2" in faulty[1]
    assert "cue 1" in faulty[2]


def test_rolling_captions_have_each_line_once():
    rolling = [
        (0, 2, "so we begin"),
        (2, 2.01, "so we begin"),
        (2.01, 4, "so we begin\nwith this"),
        (4, 6, "with this\nand that"),
    ]
    assert reasons(*rolling)[0] == ["so we begin", "with this", "and that"]


def test_what_is_said_twice_stays_twice():
    assert reasons((0, 1, "No."), (1, 2, "No."), (2, 3, "No."))[0] == ["No.", "No.", "No."]
