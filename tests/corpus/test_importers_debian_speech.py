"""What is written beside the speech in Debian's packages becomes a row's text, or no row at all."""

import wave
from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.cli.corpus import main
from qal.corpus.importers.debian_clips import Clip, convert
from qal.corpus.importers.debian_sources import PACKAGED
from qal.corpus.importers.festvox import VOICE_FOLDER, find_prompts, parse_prompts
from qal.corpus.importers.fillets import GAME, Line, find_lines, import_fillets, parse_dialogs
from qal.corpus.importers.pocketsphinx import LIBRIVOX, find_sentences
from qal.corpus.importers.staging import ignore
from qal.corpus.importers.tuxpaint import STAMPS, description, find_stamps, import_tuxpaint
from qal.errors import CorpusError

STAMP = "A rat.\nro.utf8=Un șobolan.\nru.utf8= Крыса. \nca@valencia.utf8=Una rata.\nde=Eine Ratte.\nda.utf8=\n"


def write_tone(path: Path, duration_s: float, pitch_hz: float = 220.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((9000 * np.sin(2 * np.pi * pitch_hz * time_s)).astype("<i2").tobytes())
    return path


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


# --- Tux Paint


@pytest.mark.parametrize(("language", "text"), [("ro", "Un șobolan."), ("ru", "Крыса."), ("de", "Eine Ratte.")])
def test_a_stamp_says_what_its_line_in_that_language_says(language, text):
    assert description(STAMP, language) == text


@pytest.mark.parametrize("language", ["fr", "ca", "da", "en"])
def test_a_stamp_without_a_text_in_that_very_language_says_nothing(language):
    assert description(STAMP, language) is None


@pytest.mark.parametrize("text", ["A penny ($.01).", "Un computer. 6x7=42", "A dog (a beagle).", "Un \ufffdobolan."])
def test_a_stamp_whose_words_are_not_certain_says_nothing(text):
    assert description(f"English.\nxx.utf8={text}", "xx") is None


def test_a_stamps_clip_is_joined_with_the_text_beside_it(tmp_path):
    animals = tmp_path / STAMPS / "animals"
    for name in ("rat_desc_ro.ogg", "rat_desc_ru.ogg", "rat.ogg", "cat_desc_ro.ogg"):
        write_tone(animals / name, 1.0)
    write_text(animals / "rat.txt", STAMP)
    clips = {clip.name: clip for clip in find_stamps(tmp_path, "ro")}
    assert {name: clip.text for name, clip in clips.items()} == {"animals/rat": "Un șobolan.", "animals/cat": None}
    assert {clip.speaker for clip in clips.values()} == {"Tabbytha"}


def test_a_single_letters_stamp_is_left_out_and_a_signed_one_kept(tmp_path):
    alphabets = tmp_path / STAMPS / "symbols/alphabets"
    for name in ("english/Q", "asl/q"):
        write_tone(alphabets / f"{name}_desc_ro.ogg", 1.0)
        write_text(alphabets / f"{name}.txt", "Q.\nro.utf8=Litera Q.")
    texts = {clip.name.removeprefix("symbols/alphabets/"): clip.text for clip in find_stamps(tmp_path, "ro")}
    assert texts == {"english/Q": None, "asl/q": "Litera Q."}


# --- Fish Fillets


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (r'dialogId("a", "font_big", "Hi") dialogStr("Řekl \"ahoj\"!")', 'Řekl "ahoj"!'),
        (
            'dialogId("a", "font_big", "Hi")\ndialogStr(\n"Über (alles), Führer\n  der Fische")',
            "Über (alles), Führer der Fische",
        ),
        (r'dialogId("a", "font_big", "He said \"no\")") dialogStr("Jdi do C:\\TEMP")', r"Jdi do C:\TEMP"),
        ('dialogId("a", "font_big") dialogStr("Bez angličtiny")', "Bez angličtiny"),
    ],
)
def test_a_line_of_lua_is_read_as_lua_reads_it(script, text):
    assert parse_dialogs(script) == {"a": Line("big", text)}


def test_a_line_never_takes_the_next_ones_text():
    script = 'dialogId("a", "font_big", "One")\n\ndialogId("b", "", "Two")\ndialogStr("Dva")\n'
    assert parse_dialogs(script) == {"b": Line("extra", "Dva")}


def test_a_name_means_the_line_of_its_own_level(tmp_path):
    for level, text in (("cave", "V jeskyni."), ("ship", "Na lodi.")):
        write_tone(tmp_path / GAME / "sound" / level / "cs/rand-0.ogg", 1.0)
        write_text(
            tmp_path / GAME / "script" / level / "dialogs_cs.lua",
            f'dialogId("rand-0", "font_small", "...")\ndialogStr("{text}")\n',
        )
    clips = {clip.name: (clip.text, clip.speaker) for clip in find_lines(tmp_path, "cs")}
    small = "fillets-cs-small"
    assert clips == {"cave/rand-0": ("V jeskyni.", small), "ship/rand-0": ("Na lodi.", small)}


def test_jokes_that_all_levels_share_lie_a_folder_deeper(tmp_path):
    write_tone(tmp_path / GAME / "sound/share/jokes/cs/j-1.ogg", 1.0)
    write_text(
        tmp_path / GAME / "script/share/bore_dialogs_cs.lua", 'dialogId("j-1", "font_big", "")dialogStr("Vtip.")'
    )
    assert [(clip.name, clip.text) for clip in find_lines(tmp_path, "cs")] == [("share/jokes/j-1", "Vtip.")]


def test_a_number_that_the_game_fills_in_leaves_the_line_out(tmp_path):
    write_tone(tmp_path / GAME / "sound/ship/cs/b1-a.ogg", 1.0)
    write_text(tmp_path / GAME / "script/ship/dialogs_cs.lua", 'dialogId("b1-a", "font_big", "A%1.")dialogStr("A%1.")')
    assert [clip.text for clip in find_lines(tmp_path, "cs")] == [None]


# --- Festival and PocketSphinx


def test_a_festival_line_is_read_without_its_stress_marks(tmp_path):
    lines = '( ru_1 "+Окна вол+ос, х+а+ос - \\"да\\"." )\n( ru_2 "Два." )\n'
    assert parse_prompts(lines) == {"ru_1": 'Окна волос, хаос - "да".', "ru_2": "Два."}
    write_text(tmp_path / VOICE_FOLDER / "etc/txt.done.data", lines)
    write_tone(tmp_path / VOICE_FOLDER / "wav/ru_2.wav", 1.0)
    assert [(clip.name, clip.text) for clip in find_prompts(tmp_path)] == [("ru_2", "Два.")]


def test_a_sphinx_line_is_read_without_its_silences(tmp_path):
    write_text(tmp_path / LIBRIVOX / "transcription", "<s> he was  not ill </s> (sense_01-0870)\n")
    write_tone(tmp_path / LIBRIVOX / "sense_01-0870.wav", 1.0)
    assert [(clip.text, clip.speaker) for clip in find_sentences(tmp_path)] == [("he was not ill", "librivox-sense_01")]


# --- every source


@pytest.mark.parametrize("text", [None, "", "...", "12"])
def test_no_text_no_row(tmp_path, text):
    clip = Clip("a", write_tone(tmp_path / "a.wav", 1.0), text, "someone")
    left_out = []
    assert convert([clip], tmp_path / "corpus", "cs", left_out.append) == []
    assert len(left_out) == 1


def test_only_what_can_be_used_becomes_a_row_and_the_rest_is_counted(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no audio at all")
    clips = [
        Clip("good/a", write_tone(tmp_path / "a.wav", 1.5), "Ahoj.", "someone"),
        Clip("good/again", write_tone(tmp_path / "again.wav", 1.5), "Ahoj.", "someone"),
        Clip("short", write_tone(tmp_path / "short.wav", 0.5), "Ahoj.", "someone"),
        Clip("long", write_tone(tmp_path / "long.wav", 29.5), "Ahoj.", "someone"),
        Clip("cut", write_tone(tmp_path / "cut.wav", 1.0), "Nikdo neřekne tolik slov za jedinou vteřinu.", "someone"),
        Clip("broken", tmp_path / "broken.wav", "Ahoj.", "someone"),
    ]
    left_out = []
    rows = convert(clips, tmp_path / "corpus", "cs", left_out.append)
    assert [(row.audio, row.text, row.speaker, row.duration_s) for row in rows] == [
        ("audio/good/a.wav", "Ahoj.", "someone", 1.5)
    ]
    assert {clause.split(":")[0] for clause in left_out} == {"good/again", "short", "long", "cut", "broken"}


def test_what_is_louder_than_full_scale_is_made_quieter_not_clipped(tmp_path):
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    loud = (2.0 * np.sin(2 * np.pi * 220 * time_s)).astype("<f4")
    path = tmp_path / "loud.wav"
    header = np.array([16, 3 | 1 << 16, SAMPLE_RATE, SAMPLE_RATE * 4, 4 | 32 << 16], "<u4").tobytes()  # float, mono
    body = b"WAVEfmt " + header + b"data" + np.uint32(loud.nbytes).tobytes() + loud.tobytes()
    path.write_bytes(b"RIFF" + np.uint32(len(body)).tobytes() + body)
    [row] = convert([Clip("loud", path, "Ahoj.", "someone")], tmp_path / "corpus", "cs", ignore)
    np.testing.assert_allclose(decode(tmp_path / "corpus" / row.audio), loud / 2, atol=1e-3)


@pytest.mark.parametrize("import_corpus", [import_tuxpaint, import_fillets])
def test_a_language_nobody_speaks_there_is_refused_before_anything_is_fetched(tmp_path, import_corpus):
    with pytest.raises(CorpusError, match="'xx'; use one of"):
        import_corpus("xx", tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PACKAGED)
def test_the_command_line_asks_for_a_language_where_there_is_a_choice(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["import", name, "--help"])
    assert stopped.value.code == 0
    assert ("--language" in capsys.readouterr().out) == bool(PACKAGED[name].languages)
