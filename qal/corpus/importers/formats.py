"""The formats that can be imported, found through one registry.

A new format is a module with a `SourceFormat`, one line here, and a section in docs/import.md."""

from collections.abc import Sequence

from qal.corpus.importers.layouts.audio_tables import DATASETS
from qal.corpus.importers.layouts.common_voice import COMMON_VOICE
from qal.corpus.importers.layouts.exported import EXPORTED
from qal.corpus.importers.layouts.fleurs import FLEURS
from qal.corpus.importers.layouts.kaldi import KALDI
from qal.corpus.importers.layouts.lhotse_manifests import LHOTSE
from qal.corpus.importers.layouts.librispeech import LIBRISPEECH
from qal.corpus.importers.layouts.ljspeech import LJSPEECH
from qal.corpus.importers.layouts.minds14 import MINDS14
from qal.corpus.importers.layouts.nemo import NEMO
from qal.corpus.importers.layouts.speechocean762 import SPEECHOCEAN762
from qal.corpus.importers.layouts.voxpopuli import VOXPOPULI
from qal.corpus.importers.layouts.waxal import WAXAL
from qal.corpus.importers.listing import SourceFormat

DATASET_LAYOUTS: Sequence[SourceFormat] = (
    EXPORTED,
    COMMON_VOICE,
    FLEURS,
    VOXPOPULI,
    MINDS14,
    SPEECHOCEAN762,
    LJSPEECH,
    LIBRISPEECH,
    KALDI,
    LHOTSE,
    NEMO,
    WAXAL,
    DATASETS,
)
FORMATS: Sequence[SourceFormat] = (
    *DATASET_LAYOUTS,
)  # the first that recognises a source is taken: specific ones first
