"""Importers of speech from Debian packages: which texts are used as transcripts, and which clips are skipped."""

import wave
from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.cli.corpus.commands import main
from qal.corpus.importers.debian_clips import Clip, convert
from qal.corpus.importers.debian_sources import DEBIAN_SOURCES
from qal.corpus.importers.festvox import VOICE_FOLDER, find_prompts, parse_prompts
from qal.corpus.importers.fillets import GAME_FOLDER, DialogueLine, find_dialogue_clips, import_fillets, parse_dialogues
from qal.corpus.importers.pocketsphinx import LIBRIVOX_FOLDER, find_sentences
from qal.corpus.importers.staging import ignore_skipped
from qal.corpus.importers.tuxpaint import STAMPS_FOLDER, description, find_stamps, import_tuxpaint
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
def test_tuxpaint_description_is_read_in_the_requested_language(language, text):
    assert description(STAMP, language) == text


@pytest.mark.parametrize("language", ["fr", "ca", "da", "en"])
def test_tuxpaint_description_is_none_without_the_exact_language(language):
    assert description(STAMP, language) is None


@pytest.mark.parametrize("text", ["A penny ($.01).", "Un computer. 6x7=42", "A dog (a beagle).", "Un \ufffdobolan."])
def test_tuxpaint_description_with_uncertain_words_is_none(text):
    assert description(f"English.\nxx.utf8={text}", "xx") is None


def test_tuxpaint_clip_gets_the_text_of_its_stamp(tmp_path):
    animals = tmp_path / STAMPS_FOLDER / "animals"
    for name in ("rat_desc_ro.ogg", "rat_desc_ru.ogg", "rat.ogg", "cat_desc_ro.ogg"):
        write_tone(animals / name, 1.0)
    write_text(animals / "rat.txt", STAMP)
    clips = {clip.name: clip for clip in find_stamps(tmp_path, "ro")}
    assert {name: clip.text for name, clip in clips.items()} == {"animals/rat": "Un șobolan.", "animals/cat": None}
    assert {clip.speaker for clip in clips.values()} == {"Tabbytha"}


def test_tuxpaint_single_letters_have_no_text_except_sign_language(tmp_path):
    alphabets = tmp_path / STAMPS_FOLDER / "symbols/alphabets"
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
def test_fillets_lua_strings_are_parsed_with_escapes_and_line_breaks(script, text):
    assert parse_dialogues(script) == {"a": DialogueLine("big", text)}


def test_fillets_line_without_text_does_not_take_the_next_text():
    script = 'dialogId("a", "font_big", "One")\n\ndialogId("b", "", "Two")\ndialogStr("Dva")\n'
    assert parse_dialogues(script) == {"b": DialogueLine("extra", "Dva")}


def test_fillets_line_names_are_resolved_per_level(tmp_path):
    for level, text in (("cave", "V jeskyni."), ("ship", "Na lodi.")):
        write_tone(tmp_path / GAME_FOLDER / "sound" / level / "cs/rand-0.ogg", 1.0)
        write_text(
            tmp_path / GAME_FOLDER / "script" / level / "dialogs_cs.lua",
            f'dialogId("rand-0", "font_small", "...")\ndialogStr("{text}")\n',
        )
    clips = {clip.name: (clip.text, clip.speaker) for clip in find_dialogue_clips(tmp_path, "cs")}
    small = "fillets-cs-small"
    assert clips == {"cave/rand-0": ("V jeskyni.", small), "ship/rand-0": ("Na lodi.", small)}


def test_fillets_shared_jokes_are_found_one_folder_deeper(tmp_path):
    write_tone(tmp_path / GAME_FOLDER / "sound/share/jokes/cs/j-1.ogg", 1.0)
    write_text(
        tmp_path / GAME_FOLDER / "script/share/bore_dialogs_cs.lua", 'dialogId("j-1", "font_big", "")dialogStr("Vtip.")'
    )
    assert [(clip.name, clip.text) for clip in find_dialogue_clips(tmp_path, "cs")] == [("share/jokes/j-1", "Vtip.")]


def test_fillets_line_with_an_inserted_number_has_no_text(tmp_path):
    write_tone(tmp_path / GAME_FOLDER / "sound/ship/cs/b1-a.ogg", 1.0)
    write_text(
        tmp_path / GAME_FOLDER / "script/ship/dialogs_cs.lua", 'dialogId("b1-a", "font_big", "A%1.")dialogStr("A%1.")'
    )
    assert [clip.text for clip in find_dialogue_clips(tmp_path, "cs")] == [None]


# --- Festival and PocketSphinx


def test_festival_prompts_are_parsed_without_stress_marks(tmp_path):
    lines = '( ru_1 "+Окна вол+ос, х+а+ос - \\"да\\"." )\n( ru_2 "Два." )\n'
    assert parse_prompts(lines) == {"ru_1": 'Окна волос, хаос - "да".', "ru_2": "Два."}
    write_text(tmp_path / VOICE_FOLDER / "etc/txt.done.data", lines)
    write_tone(tmp_path / VOICE_FOLDER / "wav/ru_2.wav", 1.0)
    assert [(clip.name, clip.text) for clip in find_prompts(tmp_path)] == [("ru_2", "Два.")]


def test_sphinx_transcription_is_parsed_without_silence_marks(tmp_path):
    write_text(tmp_path / LIBRIVOX_FOLDER / "transcription", "<s> he was  not ill </s> (sense_01-0870)\n")
    write_tone(tmp_path / LIBRIVOX_FOLDER / "sense_01-0870.wav", 1.0)
    assert [(clip.text, clip.speaker) for clip in find_sentences(tmp_path)] == [("he was not ill", "librivox-sense_01")]


# --- all sources


@pytest.mark.parametrize("text", [None, "", "...", "12"])
def test_clip_without_words_is_skipped(tmp_path, text):
    clip = Clip("a", write_tone(tmp_path / "a.wav", 1.0), text, "someone")
    skipped = []
    assert convert([clip], tmp_path / "corpus", "cs", skipped.append) == []
    assert len(skipped) == 1


def test_duplicate_short_long_cut_and_broken_clips_are_skipped(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no audio at all")
    clips = [
        Clip("good/a", write_tone(tmp_path / "a.wav", 1.5), "Ahoj.", "someone"),
        Clip("good/again", write_tone(tmp_path / "again.wav", 1.5), "Ahoj.", "someone"),
        Clip("short", write_tone(tmp_path / "short.wav", 0.5), "Ahoj.", "someone"),
        Clip("long", write_tone(tmp_path / "long.wav", 29.5), "Ahoj.", "someone"),
        Clip("cut", write_tone(tmp_path / "cut.wav", 1.0), "Nikdo neřekne tolik slov za jedinou vteřinu.", "someone"),
        Clip("broken", tmp_path / "broken.wav", "Ahoj.", "someone"),
    ]
    skipped = []
    rows = convert(clips, tmp_path / "corpus", "cs", skipped.append)
    assert [(row.audio, row.text, row.speaker, row.duration_s) for row in rows] == [
        ("audio/good/a.flac", "Ahoj.", "someone", 1.5)
    ]
    assert {reason.split(":")[0] for reason in skipped} == {"good/again", "short", "long", "cut", "broken"}


def test_clip_above_full_scale_is_scaled_down_not_clipped(tmp_path):
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    loud = (2.0 * np.sin(2 * np.pi * 220 * time_s)).astype("<f4")
    path = tmp_path / "loud.wav"
    header = np.array([16, 3 | 1 << 16, SAMPLE_RATE, SAMPLE_RATE * 4, 4 | 32 << 16], "<u4").tobytes()  # float, mono
    body = b"WAVEfmt " + header + b"data" + np.uint32(loud.nbytes).tobytes() + loud.tobytes()
    path.write_bytes(b"RIFF" + np.uint32(len(body)).tobytes() + body)
    [row] = convert([Clip("loud", path, "Ahoj.", "someone")], tmp_path / "corpus", "cs", ignore_skipped)
    np.testing.assert_allclose(decode(tmp_path / "corpus" / row.audio), loud / 2, atol=1e-3)


@pytest.mark.parametrize("import_corpus", [import_tuxpaint, import_fillets])
def test_unknown_language_is_rejected_before_the_download(tmp_path, import_corpus):
    with pytest.raises(CorpusError, match="'xx'; use one of"):
        import_corpus("xx", tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", DEBIAN_SOURCES)
def test_command_line_has_a_language_option_for_sources_with_several(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["import", name, "--help"])
    assert stopped.value.code == 0
    assert ("--language" in capsys.readouterr().out) == bool(DEBIAN_SOURCES[name].languages)
