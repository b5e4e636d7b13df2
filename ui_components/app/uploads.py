"""Uploads: a folder for them that other accounts of the machine cannot read, and limits that Gradio does not have."""

import os
import shutil
import tempfile
from pathlib import Path

from gradio import route_utils
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException

from qal.errors import StorageError
from qal.storage import make_private_folder

FOLDER_VARIABLE = "GRADIO_TEMP_DIR"  # environment variable
MAX_UPLOAD_BYTES = 20 * 1024**3  # of all files of an upload together; they are streamed to the disk
KEPT_FREE_BYTES = 10**9  # of the disk, which no upload may use
MAX_FIELD_BYTES = 1 << 16  # of a form's field that is not a file; the pages send none


def prepare_uploads() -> None:
    """Makes uploads private and limits them. It is called before a page is made. Raises StorageError."""
    use_private_folder()
    limit_form_fields()


def use_private_folder() -> None:
    """Gives Gradio a private folder: that of $GRADIO_TEMP_DIR, else one in the folder of temporary files.

    Raises StorageError if the folder cannot be private."""
    own = Path(tempfile.gettempdir(), f"qal-uploads-{os.getuid()}")
    folder = Path(os.environ.get(FOLDER_VARIABLE) or own).absolute()
    try:
        os.environ[FOLDER_VARIABLE] = str(make_private_folder(folder))
    except StorageError as error:
        raise StorageError(f"uploads: {error}, with the environment variable {FOLDER_VARIABLE}") from error


def limit_form_fields() -> None:
    """Limits the fields of an uploaded form, which Gradio collects in memory, and deletes files that are cut off."""
    route_utils.GradioMultiPartParser = LimitedForm


class LimitedForm(route_utils.GradioMultiPartParser):
    """Reads a form as Gradio does, but no field larger than MAX_FIELD_BYTES and no form that does not fit on the disk,
    and leaves no incomplete files."""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        if part.file is None and len(part.data) + end - start > MAX_FIELD_BYTES:
            raise MultiPartException(f"A field exceeded the maximum allowed size of {MAX_FIELD_BYTES} bytes.")
        super().on_part_data(data, start, end)

    async def parse(self) -> FormData:
        self._require_space()
        try:
            return await super().parse()
        except BaseException:  # also of a client that disconnects
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            raise

    def _require_space(self) -> None:
        length = self.headers.get("content-length", "")
        folder = self.upload_dir or tempfile.gettempdir()
        if length.isdecimal() and int(length) + KEPT_FREE_BYTES > shutil.disk_usage(folder).free:
            raise MultiPartException("The disk of the server has no room for this upload; free some space.")
