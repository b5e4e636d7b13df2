import errno
import shutil
from pathlib import Path

import pytest

from qal.corpus.importers import asterisk, debian
from qal.corpus.importers.asterisk import VOICES, import_asterisk, parse_transcripts, spoken_text
from qal.corpus.manifest import Corpus, read_corpus
from qal.errors import CorpusError
from qal.text.normalisation import normalise


def test_comments_and_lines_without_a_colon_are_no_prompts():
    assert parse_transcripts("; a comment: really\n\nhello: Hi: there.\nno colon\n") == {"hello": "Hi: there."}


def test_a_name_with_two_texts_has_none():
    assert parse_transcripts("zero: cero\none: uno\none: uno\nzero: diez\n") == {"zero": "", "one": "uno"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("silence/3", "(3 seconds of silence)"),
        ("beep", "un suono beep"),
        ("confbridge-leave", "un suono di beep discendente"),
        ("tt-monkeys", "sound of monkeys"),
        ("letters/at", "at [@]"),
        ("spy-iax2", 'IAX (note: does not say "2")'),
        ("confbridge-join", "<beep ascending>"),
        ("dictate/both_help", "press * to toggle pause"),
        ("conf-full", "La conferenza ? piena."),
        ("pm-invalid-option", "Quella opzione pu? essere invalida."),
        ("vm-tempremoved", "è stato eliminato vm-then-pound: poi premere cancelletto"),
        ("is", ""),
        ("dots", " ... "),
        ("digits/5", "5"),
    ],
)
def test_what_is_not_certainly_said_is_no_transcript(name: str, said: str):
    assert spoken_text(name, said) is None


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("... for ...", "for"),
        ("…to leave  the conference.", "to leave the conference."),
        ('"eeks"', "eeks"),
        ("Which folder?", "Which folder?"),
        ("Mailbox? Goodbye!", "Mailbox? Goodbye!"),
        ("Код? Нажмите решётку..", "Код? Нажмите решётку"),
        ("Press 1, or 9 to exit.", "Press 1, or 9 to exit."),
    ],
)
def test_what_is_said_stays_and_frayed_ends_go(said: str, text: str):
    assert spoken_text("any", said) == text


def test_an_unknown_language_is_refused_by_name(tmp_path: Path):
    with pytest.raises(CorpusError, match="'am'; use one of en, ru"):
        import_asterisk("am", tmp_path / "out")


def test_without_apt_the_other_ways_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        asterisk, "_find_or_unpack", lambda package, voice, root: debian.unpack_packages([package], root)
    )
    with pytest.raises(CorpusError, match=r"no apt.*import folder.*import hub"):
        import_asterisk("ru", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt")
def test_a_package_that_apt_cannot_get_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(debian, "UNKNOWN_PACKAGE", "never said")  # lists of our own would be fetched for nothing
    with pytest.raises(CorpusError, match="could not get the packages") as raised:
        debian.unpack_packages(["asterisk-core-sounds-nowhere"], tmp_path)
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    if not shutil.which("apt-get"):
        pytest.skip("needs apt")
    try:
        return import_asterisk("ru", tmp_path_factory.mktemp("data") / "asterisk-ru")
    except CorpusError as error:
        pytest.skip(f"needs Debian's packages: {error}")


def test_the_real_prompts_import(imported: Corpus):
    assert len(imported.select("test")) >= 100
    assert len(imported.select("train")) > len(imported.select("test")) > len(imported.select("validation")) > 0
    assert {r.speaker for r in imported.rows} == {VOICES["ru"].folder}
    assert all(0.4 <= r.duration_s <= 30 and normalise(r.text) for r in imported.rows)
    assert sorted(p.name for p in imported.folder.parent.iterdir()) == ["asterisk-ru"]


def test_no_real_sentence_is_on_two_sides(imported: Corpus):
    sides: dict[str, set[str]] = {}
    for row in imported.rows:
        sides.setdefault(normalise(row.text), set()).add(row.split)
    assert all(len(found) == 1 for found in sides.values())
    assert len(sides) < len(imported.rows), "the prompts do repeat sentences, or this law tests nothing"


def test_importing_the_real_prompts_twice_gives_the_same_version(imported: Corpus):
    again = import_asterisk("ru", imported.folder, force=True)
    assert again.info.version == imported.info.version


def test_the_licence_is_the_one_of_the_package(imported: Corpus):
    text = (imported.folder / "LICENCE.txt").read_text(encoding="utf-8")
    stanza = text.partition("Files: ru-*")[2].partition("\nFiles:")[0]
    assert f"License: {imported.info.licence}" in stanza


def test_a_failed_import_keeps_the_old_corpus(imported: Corpus, monkeypatch: pytest.MonkeyPatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(asterisk, "add_utterance", full)
    with pytest.raises(Exception, match="no space left"):
        import_asterisk("ru", imported.folder, force=True)
    assert read_corpus(imported.folder) == imported
    assert len(list(imported.folder.parent.iterdir())) == 1
