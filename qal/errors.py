"""The tree of errors that a user can cause.

QalError
├── OptionError          a setting, a config file or a command line cannot be used
├── AudioDecodeError     a file cannot be decoded as audio
│   ├── SilentAudioError     its sound is silent
│   └── NotFiniteAudioError  its samples are not numbers
├── CorpusError          a manifest, an example or an import cannot be used
├── ModelError           a model cannot be found, loaded or trusted
│   └── LanguageError    the model does not support a language
├── TrainingError        a run cannot be found, started or resumed
├── EvaluationError      an evaluation, a suite or a file of transcripts cannot be used
├── ConversionError      a conversion is impossible or would lose quality
├── HubError             the Hugging Face hub refuses an upload, or cannot be reached
└── StorageError         no space left, no permission to write

The message is one sentence that says what to do. Any other exception is a bug and keeps its traceback.
"""

EXIT_USER_ERROR = 2  # exit code of a command that ends with a QalError


class QalError(Exception):
    """An error that a user can cause and correct; the message says how."""


class OptionError(QalError): ...


class AudioDecodeError(QalError): ...


class SilentAudioError(AudioDecodeError): ...


class NotFiniteAudioError(AudioDecodeError): ...


class CorpusError(QalError): ...


class ModelError(QalError): ...


class LanguageError(ModelError): ...


class TrainingError(QalError): ...


class EvaluationError(QalError): ...


class ConversionError(QalError): ...


class HubError(QalError): ...


class StorageError(QalError): ...
