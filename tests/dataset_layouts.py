"""Small folders in the layouts of well-known datasets, with tones as recordings and invented texts."""

import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qal.corpus.importers.layouts.source_folder import SourceFolder
from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem, SourceFormat
from tests.sounds import sine, write_audio


def write_text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(content, encoding="utf-8")
    return path


def write_json_lines(path: Path, objects: Sequence[Any]) -> Path:
    return write_text(path, "".join(json.dumps(item) + "\n" for item in objects))


def add_recordings(folder: Path, *names: str, duration_s: float = 0.5) -> None:
    """Writes the same tone under several names; a layout is recognised by names, not by what is in the files."""
    tone = write_audio(folder / names[0], sine(440, duration_s))
    for name in names[1:]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tone, folder / name)


def entries_of(
    layout: SourceFormat, folder: Path, options: ListingOptions | None = None
) -> tuple[list[Candidate], list[Problem]]:
    """Returns what a format lists."""
    listing: Listing = layout.list(folder, options or ListingOptions())
    entries = list(listing.entries)
    candidates = [entry for entry in entries if isinstance(entry, Candidate)]
    return candidates, [entry for entry in entries if isinstance(entry, Problem)]


def audio_name(candidate: Candidate, folder: Path) -> str:
    assert isinstance(candidate.audio, AudioPiece)
    return candidate.audio.path.relative_to(folder).as_posix()


def source_of(folder: Path) -> SourceFolder:
    return SourceFolder(folder, ListingOptions())


def ljspeech(folder: Path) -> Path:
    add_recordings(folder, "wavs/LJ001-0001.wav", "wavs/LJ001-0002.wav")
    lines = ['LJ001-0001|In 1455, "he" said|In fourteen fifty-five, "he" said', "LJ001-0002|only two columns"]
    write_text(folder / "metadata.csv", "\n".join(lines))
    return folder


def librispeech(folder: Path) -> Path:
    for subset, name in (("dev-clean", "84-121123"), ("train-clean-100", "103-1240"), ("extra", "26-495")):
        inner = f"LibriSpeech/{subset}/{name.replace('-', '/')}/{name}"
        add_recordings(folder, f"{inner}-0000.flac", f"{inner}-0001.flac")
        write_text(folder / f"{inner}.trans.txt", f"{name}-0000 GO DO YOU HEAR\n{name}-0001 BUT IN LESS THAN\n")
    speakers = (
        ";ID  |SEX| SUBSET |MINUTES| NAME\n84 | F | dev-clean | 8.02 | Some Name\n26 | M | test-other | 1 | A B\n"
    )
    write_text(folder / "LibriSpeech/SPEAKERS.TXT", speakers)
    return folder


def common_voice(folder: Path) -> Path:
    header = "client_id\tpath\tsentence_id\tsentence\tup_votes\tdown_votes\tlocale\n"
    names = [f"common_voice_am_{i}.mp3" for i in range(8)]
    add_recordings(folder / "cv-corpus-17.0/am/clips", *names)

    def table(name: str, *rows: tuple[str, int, str]) -> None:
        lines = [f"{client}\t{names[i]}\t9{i}\t{text}\t2\t0\tam\n" for client, i, text in rows]
        write_text(folder / f"cv-corpus-17.0/am/{name}.tsv", header + "".join(lines))

    table("train", ("a", 0, '"ሰላም ነው'), ("a", 1, "ደህና ነው"))
    table("dev", ("b", 2, "ቡና አለ"))
    table("test", ("c", 3, "ውሃ አለ"))
    splits = (("a", 0, '"ሰላም ነው'), ("a", 1, "ደህና ነው"), ("b", 2, "ቡና አለ"), ("c", 3, "ውሃ አለ"))
    table("validated", *splits, ("c", 4, "ሌላ ቃል"), ("a", 5, "ውሃ አለ።"), ("d", 6, "አዲስ ቃል"))
    table("invalidated", ("d", 7, "ስህተት"))
    table("other", ("d", 7, "not reviewed"))
    return folder


def fleurs(folder: Path) -> Path:
    for split in ("train", "dev", "test"):
        add_recordings(folder, f"am_et/audio/{split}/{split}1.wav", f"am_et/audio/{split}/{split}2.wav")
        rows = [f"{i}\t{split}{i}.wav\tRaw, {split} {i}.\traw {split} {i}\tr a w\t8000\tFEMALE\n" for i in (1, 2)]
        write_text(folder / f"am_et/{split}.tsv", "".join(rows))
    return folder


def voxpopuli(folder: Path) -> Path:
    header = "id\traw_text\tnormalized_text\tspeaker_id\tsplit\tgender\n"
    rows = {"train": "2009-en_1\tMr President, yes.\tmr president yes\t77\ttrain\tmale\n"}
    rows["dev"] = "2010-en_2\t\tno raw text\t78\tdev\tfemale\n"
    for split, row in rows.items():
        write_text(folder / f"transcribed_data/en/asr_{split}.tsv", header + row)
    add_recordings(folder, "transcribed_data/en/2009/2009-en_1.ogg", "transcribed_data/en/dev/part_0/2010-en_2.wav")
    return folder


def minds14(folder: Path) -> Path:
    add_recordings(folder, "MInDS-14/audio/pt-PT~BALANCE/1.wav", "MInDS-14/audio/en-US~ADDRESS/2.wav")
    header = "filepath,text_asr,text_translated,intent\n"
    row = 'pt-PT~BALANCE/1.wav, "qual é o saldo, por favor", "what is the balance, please", balance\n'
    write_text(folder / "MInDS-14/text/pt-PT.csv", header + row)
    write_text(folder / "MInDS-14/text/en-US.csv", header + "en-US~ADDRESS/2.wav,my address,my address,address\n")
    return folder


def speechocean762(folder: Path) -> Path:
    for split, number in (("train", 1), ("test", 2)):
        wave = f"WAVE/SPEAKER000{number}/00000{number}.WAV"
        add_recordings(folder / "speechocean762", wave)
        write_text(folder / f"speechocean762/{split}/wav.scp", f"00000{number}\t{wave}\n")
        write_text(folder / f"speechocean762/{split}/text", f"00000{number}\tWE CALL IT BEAR\n")
        write_text(folder / f"speechocean762/{split}/utt2spk", f"00000{number}\t000{number}\n")
    return folder


def kaldi(folder: Path, segments: bool = True) -> Path:
    add_recordings(folder, "train/rec1.wav", "audio/rec2.wav", duration_s=3)
    write_text(folder / "train/wav.scp", "rec1 rec1.wav\nrec2 audio/rec2.wav\nrec3 sph2pipe -f wav x.sph |\n")
    if segments:
        write_text(folder / "train/segments", "u1 rec1 0.50 1.25\nu2 rec1 1.25 -1\nu3 rec2 0 1\nu4 rec3 0 1\n")
        write_text(folder / "train/text", "u1 first words\nu2 second words\nu3 third\nu4 fourth\n")
        write_text(folder / "train/utt2spk", "u1 anna\nu2 anna\nu3 ben\nu4 ben\n")
    else:
        write_text(folder / "train/text", "rec1 all words\nrec2 other words\nrec3 piped\n")
        write_text(folder / "train/spk2utt", "anna rec1 rec3\nben rec2\n")
    return folder


def lhotse(folder: Path, cuts: bool = False) -> Path:
    add_recordings(folder, "audio/r1.wav", "audio/r2.wav", duration_s=3)

    def recording(name: str, kind: str = "file") -> dict[str, Any]:
        sources = [{"type": kind, "channels": [0], "source": f"audio/{name}.wav"}]
        return {"id": name, "sources": sources, "sampling_rate": 16000, "num_samples": 48000, "duration": 3.0}

    def supervision(number: int, name: str, start: float, duration: float) -> dict[str, Any]:
        times = {"start": start, "duration": duration, "channel": 0}
        named = {"id": f"s{number}", "recording_id": name, "text": f"text {number}", "language": "English"}
        return {**named, **times, "speaker": "anna"}

    if cuts:
        cut = {"start": 1.0, "duration": 2.0, "channel": 0, "type": "MonoCut"}
        first = {"id": "c1", **cut, "supervisions": [supervision(1, "r1", 0.5, 1.0)], "recording": recording("r1")}
        write_json_lines(folder / "cuts_dev.jsonl.gz", [first, {"id": "c2", "type": "MixedCut", "tracks": []}])
    else:
        recordings = [recording("r1"), recording("r2"), recording("r3", "command")]
        write_json_lines(folder / "x_recordings_train.jsonl.gz", recordings)
        pieces = [supervision(1, "r1", 0.0, 3.0), supervision(2, "r2", 0.5, 1.0), supervision(3, "r3", 0, 1)]
        write_json_lines(folder / "x_supervisions_train.jsonl.gz", [*pieces, supervision(4, "r9", 0, 1)])
    return folder


def nemo(folder: Path) -> Path:
    add_recordings(folder, "audio/1.wav", "audio/2.wav", duration_s=3)
    first = {"audio_filepath": "audio/1.wav", "duration": 3.0, "text": "whole", "lang": "en"}
    part = {"audio_filepath": "audio/2.wav", "offset": 0.0, "duration": 1.5, "text": "part", "speaker": "anna"}
    write_json_lines(folder / "train_manifest.json", [first, part])
    write_json_lines(folder / "dev_manifest.json", [{**part, "offset": 1.5}, {**part, "duration": "long"}])
    return folder
