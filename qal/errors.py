"""Every error that a user can cause, as one tree.

QalError
├── OptionError          a setting, a config file or a command line that cannot be used
├── AudioDecodeError     a file that is not readable as audio
├── CorpusError          a manifest, a row or an import that cannot be used
├── ModelError           a model that cannot be found, loaded or trusted
│   └── LanguageError    a language the model does not have
├── TrainingError        a run that cannot start, go on or be found
├── ConversionError      a conversion that would lose quality or cannot be made
└── StorageError         no space left, no permission to write

The message is one sentence that says what to do. Anything that is not a QalError is a bug
and keeps its traceback.
"""

EXIT_USER_ERROR = 2  # exit code of a command that ends with a QalError


class QalError(Exception):
    """An error a user can cause, and mend by doing what its message says."""


class OptionError(QalError): ...


class AudioDecodeError(QalError): ...


class CorpusError(QalError): ...


class ModelError(QalError): ...


class LanguageError(ModelError): ...


class TrainingError(QalError): ...


class ConversionError(QalError): ...


class StorageError(QalError): ...
