"""Import of Asterisk's prompts: which transcripts are used, and the real packages if apt is available."""

import errno
import shutil
from pathlib import Path

import pytest

from qal.corpus.importers import asterisk, debian
from qal.corpus.importers.asterisk import VOICES, import_asterisk, parse_transcripts, spoken_text
from qal.corpus.manifest import Corpus, read_corpus
from qal.errors import CorpusError
from qal.text.normalisation.basic import normalise_basic


def test_transcript_comments_and_lines_without_colon_are_ignored():
    assert parse_transcripts("; a comment: really\n\nhello: Hi: there.\nno colon\n") == {"hello": "Hi: there."}


def test_prompt_name_with_two_transcripts_gets_an_empty_one():
    assert parse_transcripts("zero: cero\none: uno\none: uno\nzero: diez\n") == {"zero": "", "one": "uno"}


@pytest.mark.parametrize(
    ("name", "transcript"),
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
def test_uncertain_transcript_gives_no_text(name: str, transcript: str):
    assert spoken_text(name, transcript) is None


@pytest.mark.parametrize(
    ("transcript", "text"),
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
def test_ellipses_are_removed_and_spoken_words_kept(transcript: str, text: str):
    assert spoken_text("any", transcript) == text


def test_unknown_asterisk_language_error_lists_the_languages(tmp_path: Path):
    with pytest.raises(CorpusError, match="'am'; use one of en, ru"):
        import_asterisk("am", tmp_path / "out")


def test_missing_apt_error_names_the_other_importers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        asterisk, "_find_or_unpack", lambda package, voice, root: debian.unpack_packages([package], root)
    )
    with pytest.raises(CorpusError, match=r"no apt.*import PATH.*import hub"):
        import_asterisk("ru", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt")
def test_apt_download_failure_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(debian, "UNKNOWN_PACKAGE", "never printed")  # avoids the download of package lists
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


def test_real_asterisk_prompts_are_imported_with_all_splits(imported: Corpus):
    assert len(imported.select("test")) >= 100
    assert len(imported.select("train")) > len(imported.select("test")) > len(imported.select("validation")) > 0
    assert {r.speaker for r in imported.rows} == {VOICES["ru"].folder}
    assert all(0.4 <= r.duration_s <= 30 and normalise_basic(r.text) for r in imported.rows)
    assert sorted(p.name for p in imported.folder.parent.iterdir()) == ["asterisk-ru"]


def test_no_asterisk_sentence_is_in_two_splits(imported: Corpus):
    splits: dict[str, set[str]] = {}
    for row in imported.rows:
        splits.setdefault(normalise_basic(row.text), set()).add(row.split)
    assert all(len(names) == 1 for names in splits.values())
    assert len(splits) < len(imported.rows), "without repeated sentences this test checks nothing"


def test_repeated_asterisk_import_gives_the_same_version(imported: Corpus):
    again = import_asterisk("ru", imported.folder, force=True)
    assert again.info.version == imported.info.version


def test_asterisk_licence_equals_the_package_copyright_file(imported: Corpus):
    text = (imported.folder / "LICENCE.txt").read_text(encoding="utf-8")
    stanza = text.partition("Files: ru-*")[2].partition("\nFiles:")[0]
    assert f"License: {imported.info.licence}" in stanza


def test_failed_import_keeps_the_old_corpus(imported: Corpus, monkeypatch: pytest.MonkeyPatch):
    def raise_disk_full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(asterisk, "add_utterance", raise_disk_full)
    with pytest.raises(Exception, match="no space left"):
        import_asterisk("ru", imported.folder, force=True)
    assert read_corpus(imported.folder) == imported
    assert {p.name for p in imported.folder.parent.iterdir() if p.suffix != ".lock"} == {imported.folder.name}
