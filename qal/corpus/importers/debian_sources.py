"""The sources of speech in Debian packages that the command line offers."""

from collections.abc import Callable
from dataclasses import dataclass

from qal.corpus.importers.festvox import import_festvox_ru
from qal.corpus.importers.fillets import FILLETS_LANGUAGES, import_fillets
from qal.corpus.importers.pocketsphinx import import_pocketsphinx
from qal.corpus.importers.tuxpaint import SPEAKER_BY_LANGUAGE, import_tuxpaint
from qal.corpus.manifest import Corpus


@dataclass(frozen=True)
class DebianSource:
    """A source of speech, its importer and its languages."""

    description: str
    import_corpus: Callable[..., Corpus]  # ([language,] out, *, force, on_skip)
    languages: tuple[str, ...] = ()  # empty if the source has one language only


DEBIAN_SOURCES = {
    "tuxpaint": DebianSource(
        "short descriptions of Tux Paint's stamps, one volunteer per language",
        import_tuxpaint,
        tuple(SPEAKER_BY_LANGUAGE),
    ),
    "fillets": DebianSource(
        "acted dialogues of the game Fish Fillets, many characters", import_fillets, FILLETS_LANGUAGES
    ),
    "festvox-ru": DebianSource("Russian sentences of one speaker, for the synthesiser Festival", import_festvox_ru),
    "pocketsphinx": DebianSource("a few English LibriVox sentences, PocketSphinx's test data", import_pocketsphinx),
}
