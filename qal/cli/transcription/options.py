"""The options of `qal transcribe`."""

from pathlib import Path
from typing import Annotated, Literal

from qal.audio.sound_choice import SoundChoice
from qal.cli.engine_options import EngineOptions
from qal.cli.parsing import JSON_HELP, flag, positional
from qal.engine.decoding import DecodingOptions
from qal.engine.longform.options import STRATEGY_HELP, LongformOptions, Strategy
from qal.errors import OptionError
from qal.text.postprocessing.options import PostprocessingOptions
from qal.text.subtitles.formats import SUBTITLE_FORMATS
from qal.text.subtitles.presets import SUBTITLE_PRESETS
from qal.text.subtitles.rules import SubtitleRules
from qal.transcription.options import OutputOptions, TranscriptionOptions

BEAM_SIZE = DecodingOptions.model_fields["beam_size"]
SOUND = SoundChoice.model_fields
PER_SEGMENT = "auto-per-segment"


class TranscribeOptions(EngineOptions, frozen=True):
    files: list[Path] = positional("audio, video, or folders of it", "FILE", nargs="*")
    language: str | None = flag(
        None,
        f"language code such as en or am; {PER_SEGMENT}: detected for each stretch of speech; unset: detected",
        "XX",
    )
    format: str = flag("txt", f"formats of the text, with commas: {', '.join(SUBTITLE_FORMATS)}", "LIST")
    task: Literal["transcribe", "translate"] = flag("transcribe", "translate: into English")
    out: Path | None = flag(None, "folder of the outputs, named like the files; unset: stdout", "DIR")
    beside: bool = flag(False, "write each output in the folder of its file")
    zip: Path | None = flag(None, "write all outputs into one ZIP file, too", "FILE")
    overwrite: bool = flag(False, "write over outputs that exist; otherwise their files are skipped")
    workers: int = flag(1, "files that are transcribed at the same time", "N", ge=1, le=64)
    watch: Path | None = flag(None, "transcribe the files that appear in this folder, until Ctrl-C", "FOLDER")
    transcripts: Path = flag(
        Path("transcripts"), "folder of the transcripts, by which a file is continued, and not done twice", "DIR"
    )
    track: str = flag("auto", SOUND["track"].description or "", "N|XX")
    channels: Literal["mix", "separate"] = flag("mix", SOUND["channels"].description or "")
    strategy: Strategy | None = flag(None, STRATEGY_HELP, "NAME")
    beam_size: Annotated[int, *BEAM_SIZE.metadata] | None = flag(None, BEAM_SIZE.description or "", "N")
    decoding: DecodingOptions = flag(
        TranscriptionOptions.model_fields["decoding"].default, "how the model decodes speech"
    )
    longform: LongformOptions = flag(LongformOptions(), "how files are cut into segments")
    preset: Literal[*SUBTITLE_PRESETS] = flag(  # pyright: ignore[reportInvalidTypeForm]
        "standard", "named rules of subtitles, which --subtitles.* options change"
    )
    subtitles: SubtitleRules = flag(SubtitleRules(), "rules that subtitles obey")
    postprocessing: PostprocessingOptions = flag(PostprocessingOptions(), "steps after decoding")
    json_: bool = flag(False, JSON_HELP)

    @property
    def formats(self) -> list[str]:
        """The formats that were asked for, each once."""
        return list(dict.fromkeys(filter(None, (form.strip().lower().lstrip(".") for form in self.format.split(",")))))

    @property
    def spoken_language(self) -> str | None:
        """The language that was given; None: it is detected."""
        return None if self.language == PER_SEGMENT else self.language

    def transcription(self) -> TranscriptionOptions:
        """Returns all that decides the texts."""
        changes: dict[str, object] = {}
        if self.strategy:
            changes["strategy"] = self.strategy
        if self.language == PER_SEGMENT:
            changes["language_mode"] = "stretch"
        if self.languages:
            changes["languages"] = tuple(self.languages)
        decoding = {"words": True, **({"beam_size": self.beam_size} if self.beam_size else {})}
        return TranscriptionOptions(
            model=self.model,
            language=self.spoken_language,
            task=self.task,
            context=self.context,
            sound=SoundChoice(track=self.track, channels=self.channels),
            decoding=self.decoding.model_copy(update=decoding),
            longform=self.longform.model_copy(update=changes),
        )

    def output(self) -> OutputOptions:
        """Returns how the texts are written."""
        preset = SUBTITLE_PRESETS[self.preset].rules.model_dump()
        rules = SubtitleRules.model_validate(preset | self.subtitles.model_dump(exclude_defaults=True))
        return OutputOptions(postprocessing=self.postprocessing, subtitles=rules)


def check_options(options: TranscribeOptions) -> None:
    """Raises OptionError where options do not fit together."""
    unknown = [form for form in options.formats if form not in SUBTITLE_FORMATS]
    if unknown or not options.formats:
        known = ", ".join(SUBTITLE_FORMATS)
        raise OptionError(f"--format: '{unknown[0] if unknown else ''}' is not a format; use one or more of {known}")
    if not options.files and not options.watch:
        raise OptionError("give a file or a folder to transcribe, or --watch FOLDER; see qal transcribe --help")
    if options.files and options.watch:
        raise OptionError("--watch takes one folder and no other files; leave one of them out")
    if options.watch and not options.watch.is_dir():
        raise OptionError(f"{options.watch}: there is no such folder to watch; make it first")
    if options.out and options.beside:
        raise OptionError("--out and --beside are two places for the outputs; give one of them")
    if options.out and options.out.exists() and not options.out.is_dir():
        raise OptionError(f"{options.out}: is a file, not a folder; give --out another name")
    if options.transcripts.exists() and not options.transcripts.is_dir():
        raise OptionError(f"{options.transcripts}: is a file, not a folder; give --transcripts another name")
    if options.zip and options.zip.exists() and not options.overwrite:
        raise OptionError(f"{options.zip}: exists already and is not written over; choose another name or --overwrite")
    _check_stdout(options)


def _check_stdout(options: TranscribeOptions) -> None:
    """Raises OptionError if the texts cannot go to stdout although nothing else is asked for."""
    if options.out or options.beside or options.zip:
        return
    if len(options.formats) > 1:
        raise OptionError("several formats do not fit into one output; give --out DIR or --beside")
    if not SUBTITLE_FORMATS[options.formats[0]].is_text:
        raise OptionError(f"{options.formats[0]} is no text for a terminal; give --out DIR or --beside")
    several = options.watch or len(options.files) > 1 or any(path.is_dir() for path in options.files)
    if several and options.formats[0] != "txt":
        raise OptionError(f"several files do not fit into one {options.formats[0]}; give --out DIR or --beside")
