"""The handlers of the Models and System tabs import neither torch nor TensorBoard into the page's process."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
FORBIDDEN = ("torch", "transformers", "pytorch_lightning", "lightning", "peft", "tensorboard")
SCRIPT = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
import app
from starlette.applications import Starlette
from starlette.testclient import TestClient
from qal.api.studio.tensorboard_proxy import PREFIX, TensorBoard, tensorboard_command, tensorboard_routes
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import PageRequest
from ui_components.models import actions as models, comparison_actions
from ui_components.app.page import studio_page
from ui_components.app.studio import Studio
from ui_components.system import actions as system
from ui_components.app import notices
folder = Path(sys.argv[1])
studio = Studio(folder / "runs", folder / "data", model="base")
run = scripted_run(studio.runs, "a", "finished")
model_directory(run.model), (run.folder / "tensorboard").mkdir()
studio_page(studio)
models.update(studio, "a", "size", "", ""), models.show_disk(studio)
progress = lambda *_, **__: None
results = list(comparison_actions.compare(studio, sys.argv[2], ["base"], "", "a reference", progress))[-1]
models.export(studio, "a", "transformers", PageRequest()), models.update_commands(studio)
models.delete(studio, "a", PageRequest())
system.update(studio), list(system.run_slow_check(studio, "training"))
system.unload_idle_models(studio), notices.update_bar(studio, "")
board = TensorBoard(tensorboard_command(studio.runs))
with TestClient(Starlette(routes=tensorboard_routes(board, lambda _: True))) as client:
    answer = client.get(PREFIX + "/data/environment").json()
board.close()
print(json.dumps([results, answer["window_title"], sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_models_and_system_handlers_import_neither_torch_nor_tensorboard(tmp_path, english_corpus, base_directory):
    clip = english_corpus.audio_path(english_corpus.select("test")[0])
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(clip)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    results, title, loaded = json.loads(result.stdout.splitlines()[-1])
    assert "RTF" in results
    assert title == "Qal"
    assert not set(FORBIDDEN) & set(loaded)
