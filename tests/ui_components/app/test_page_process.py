"""All that the Models and System tabs do leaves the page's process without torch and without TensorBoard."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
FORBIDDEN = ("torch", "transformers", "pytorch_lightning", "lightning", "peft", "tensorboard")
VISIT = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
import app
from starlette.applications import Starlette
from starlette.testclient import TestClient
from qal.api.tensorboard_proxy import PREFIX, TensorBoard, command_of, tensorboard_routes
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import PageRequest
from ui_components.models import actions as models, exports
from ui_components.app.page import studio_page
from ui_components.app.studio import Studio
from ui_components.system import actions as system
from ui_components.app import notices
folder = Path(sys.argv[1])
studio = Studio(folder / "runs", folder / "data", model="base")
run = scripted_run(studio.runs, "a", "finished")
model_directory(run.model), (run.folder / "tensorboard").mkdir()
studio_page(studio)
models.show(studio, "a", "size", "", ""), models.show_disk(studio)
heard = list(models.hear(studio, sys.argv[2], ["base"], "", "a reference", lambda *_, **__: None))[-1]
models.export(studio, "a", "transformers", PageRequest()), models.errands(studio)
models.delete(studio, "a", PageRequest())
system.show(studio), list(system.look_closer(studio, "training")), system.free(studio), notices.show(studio, "")
board = TensorBoard(command_of(studio.runs))
with TestClient(Starlette(routes=tensorboard_routes(board, lambda _: True))) as client:
    answer = client.get(PREFIX + "/data/environment").json()
board.close()
print(json.dumps([heard, answer["window_title"], sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_the_pages_process_imports_neither_torch_nor_tensorboard(tmp_path, english_corpus, base_directory):
    spoken = english_corpus.audio_path(english_corpus.select("test")[0])
    command = [sys.executable, "-c", VISIT, str(tmp_path), str(spoken)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    heard, title, loaded = json.loads(done.stdout.splitlines()[-1])
    assert "RTF" in heard
    assert title == "Qal"
    assert not set(FORBIDDEN) & set(loaded)
