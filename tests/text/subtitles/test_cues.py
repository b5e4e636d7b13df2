"""The laws of cues: no word is lost, every rule holds, and times are those of the speech."""

from dataclasses import replace
from itertools import pairwise

import pytest

from qal.text.letter_width import text_width
from qal.text.subtitles.cues import LEAD_S, make_cues
from qal.text.subtitles.presets import SUBTITLE_PRESETS
from qal.text.subtitles.rules import SubtitleRules, line_letters
from qal.text.subtitles.timed_text import words_of
from qal.text.subtitles.units import make_units
from tests.text.subtitles.transcripts import Segment, Word, invented, segment, spoken

RULES = SubtitleRules()
PRESETS = [preset.rules for preset in SUBTITLE_PRESETS.values()]
SEEDS = range(40)


def letters(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("rules", PRESETS, ids=list(SUBTITLE_PRESETS))
def test_no_word_is_lost_doubled_or_moved(rules: SubtitleRules):
    for seed in SEEDS:
        segments = invented(seed)
        cues = make_cues(segments, rules)
        assert letters("".join(cue.text for cue in cues)) == letters("".join(s.text for s in segments)), seed
        words = [word for s in segments for word in words_of(s) if word.text.strip()]
        assert [word for cue in cues for word in cue.words] == words, seed


@pytest.mark.parametrize("rules", PRESETS, ids=list(SUBTITLE_PRESETS))
def test_cues_obey_the_rules_or_cannot_be_divided(rules: SubtitleRules):
    for seed in SEEDS:
        cues = make_cues(invented(seed), rules)
        for cue in cues:
            limit = line_letters(rules, cue.language)
            is_one_word = len(make_units(cue.words)) == 1
            assert is_one_word or max(map(text_width, cue.lines)) <= limit, (seed, cue)
            assert is_one_word or rules.max_words is None or len(make_units(cue.words)) <= rules.max_words
            assert len(cue.lines) <= rules.max_lines
            assert 0 < cue.end_s - cue.start_s <= rules.max_duration_s + 1e-6, (seed, cue)
        for a, b in pairwise(cues):
            assert a.end_s <= b.start_s + 1e-9, (seed, a, b)


def test_cues_begin_within_a_fifth_of_a_second_of_their_speech_and_end_with_it():
    for seed in SEEDS:
        cues = make_cues([s for s in invented(seed) if s.words], RULES)
        for cue in cues:
            spoken_from, spoken_to = cue.words[0].start_s, cue.words[-1].end_s
            if spoken_to - spoken_from < 0.2:
                continue  # words without duration are moved apart
            assert cue.start_s >= spoken_from - LEAD_S - 1e-6, (seed, cue)
            needed_s = max(RULES.min_duration_s, sum(map(text_width, cue.lines)) / RULES.max_letters_per_s)
            assert cue.end_s <= max(spoken_to, cue.start_s + needed_s) + 0.5, (seed, cue)


def test_fast_speech_is_shown_in_the_pause_after_it():
    fast = spoken("This sentence was said so fast that it cannot be read. Next one.", letter_s=0.02, pause_s=0.9)
    first, second = make_cues([fast], RULES)
    assert first.end_s > first.words[-1].end_s + 0.5
    assert first.end_s <= second.start_s - RULES.min_gap_s + 1e-9


def test_cues_end_at_sentences_and_clauses():
    text = (
        "Please enter your agent number followed by the pound key. When you have finished with the number, "
        "which has seven digits, the lady from the other department will answer all of your questions about it."
    )
    cues = make_cues([spoken(text)], RULES)
    assert cues[0].lines == ("Please enter your agent number", "followed by the pound key.")
    assert cues[1].text.endswith(",")
    assert all(len(cue.text.split()) > 2 for cue in cues)


def test_abbreviations_and_articles_do_not_end_a_line():
    cues = make_cues(
        [spoken("The man who will tell you about the whole affair is the famous Dr. Smith from Rome.")], RULES
    )
    ends = [line.split()[-1] for cue in cues for line in cue.lines]
    assert not {"the", "Dr.", "is", "of"} & set(ends)


def test_sentences_with_a_pause_between_them_have_cues_of_their_own():
    cues = make_cues([spoken("Activated now. That agent is already here. Added then.", letter_s=0.08)], RULES)
    assert [cue.text for cue in cues] == ["Activated now.", "That agent is already here.", "Added then."]


def test_lines_are_balanced_and_no_word_is_left_alone():
    (cue,) = make_cues([spoken("the number of the agent that you have called has changed")], RULES)
    first, second = map(len, cue.lines)
    assert abs(first - second) < 15
    assert len(cue.lines[1].split()) > 1


def test_lines_of_chinese_and_japanese_have_sixteen_full_width_characters():
    text = "今天天气很好，我们一起去公园散步吧。晚上回家以后再看一部电影，好吗？我觉得这个主意不错。"
    for language in ("zh", "ja"):
        cues = make_cues([Segment(0, 9, text, language)], RULES)
        lines = [line for cue in cues for line in cue.lines]
        assert max(map(len, lines)) <= 16
        assert not any(line[0] in "，。？" for line in lines)
        assert " " not in "".join(lines)


def test_katakana_words_and_thai_vowels_are_not_divided():
    japanese = make_units(words_of(Segment(0, 5, "新しいコンピューターを買う", "ja")))
    assert "コンピューター" in [unit.text for unit in japanese]
    thai = make_units(words_of(Segment(0, 5, "ไปเดินเล่นที่สวน", "th")))
    assert not any(unit.text[-1] in "เไ" or unit.text[0] in "ิ่ี" for unit in thai)


def test_hyphenated_words_are_not_divided():
    words = [Word(" twenty", 0, 1), Word("-one", 1, 2), Word(" days", 2, 3)]
    assert [unit.text for unit in make_units(words)] == ["twenty-one", "days"]


def test_words_without_times_have_shares_of_their_segment():
    cues = make_cues([Segment(10, 24, "one two three four five six seven eight. " * 5, "en")], RULES)
    assert cues[0].start_s == 10
    assert cues[-1].end_s == pytest.approx(24, abs=0.1)
    assert all(b.start_s > a.start_s for a, b in pairwise(cues))


def test_space_between_scripts_is_kept_where_words_have_no_times():
    text = "the 東京 tower, 大阪 too"
    assert [cue.text for cue in make_cues([Segment(0.0, 4.0, text)], SubtitleRules())] == [text]


def test_text_that_was_corrected_counts_more_than_its_old_words():
    old = segment([Word(" Helo", 0, 1), Word(" wrld", 1, 2)])
    (cue,) = make_cues([Segment(0, 2, "Hello world", "en", old.words)], RULES)
    assert cue.text == "Hello world"


def test_segments_without_text_have_no_cue():
    assert make_cues([Segment(0, 1, ""), Segment(1, 2, " \n ")], RULES) == []
    assert make_cues([], RULES) == []


def test_two_channels_have_cues_of_their_own_which_may_overlap():
    left, right = spoken("Hello there my friend."), spoken("Good morning to you.", start_s=0.3)
    segments = [replace(left, channel=0), replace(right, channel=1)]
    cues = make_cues(segments, RULES)
    assert [(cue.channel, cue.text) for cue in cues] == [(0, left.text), (1, right.text)]
    assert cues[1].start_s == pytest.approx(0.3)


def test_one_word_at_a_time_is_shown_while_it_is_spoken():
    cues = make_cues([spoken("One word at a time.", letter_s=0.1)], SUBTITLE_PRESETS["words"].rules)
    assert [cue.text for cue in cues] == ["One", "word", "at", "a", "time."]
    assert [(c.start_s, c.end_s) for c in cues] == [
        (pytest.approx(c.words[0].start_s), pytest.approx(c.words[0].end_s)) for c in cues
    ]


def test_long_speech_without_a_pause_is_divided_in_a_moment():
    words = [Word(f" word{i}" + "." * (i % 12 == 0), 0.3 * i, 0.3 * i + 0.3) for i in range(5000)]
    cues = make_cues([segment(words)], RULES)
    assert sum(len(cue.words) for cue in cues) == 5000
