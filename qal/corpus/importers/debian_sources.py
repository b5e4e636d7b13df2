"""The sources of speech among Debian's packages, as the command line offers them."""

from collections.abc import Callable
from dataclasses import dataclass

from qal.corpus.importers.festvox import import_festvox_ru
from qal.corpus.importers.fillets import LANGUAGES, import_fillets
from qal.corpus.importers.pocketsphinx import import_pocketsphinx
from qal.corpus.importers.tuxpaint import SPEAKERS, import_tuxpaint
from qal.corpus.manifest import Corpus


@dataclass(frozen=True)
class PackagedSpeech:
    about: str
    import_corpus: Callable[..., Corpus]  # ([language,] out, *, force, on_skip)
    languages: tuple[str, ...] = ()  # none: the source has a single one, which is not asked for


PACKAGED = {
    "tuxpaint": PackagedSpeech(
        "Tux Paint's stamps, described in a few words by a volunteer a language", import_tuxpaint, tuple(SPEAKERS)
    ),
    "fillets": PackagedSpeech("acted dialogues of the game Fish Fillets, many characters", import_fillets, LANGUAGES),
    "festvox-ru": PackagedSpeech("Russian sentences read by one man, for the synthesiser Festival", import_festvox_ru),
    "pocketsphinx": PackagedSpeech("a few English LibriVox sentences, PocketSphinx's test data", import_pocketsphinx),
}
