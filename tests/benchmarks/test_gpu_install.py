"""The unpacker installs and links only what a machine lacks."""

from importlib.metadata import version
from pathlib import Path

from benchmarks.gpu.contents import required_versions
from benchmarks.gpu.install import link_cublas, wheels_to_install, write_environment


def wheel(folder: Path, name: str, number: str) -> Path:
    path = folder / f"{name}-{number}-py3-none-any.whl"
    path.touch()
    return path


def test_only_missing_packages_are_installed_and_torch_never(tmp_path: Path):
    absent = wheel(tmp_path, "no_such_package", "1.0")
    other_version = wheel(tmp_path, "psutil", "0.1")
    wheel(tmp_path, "jiwer", version("jiwer"))
    wheel(tmp_path, "numpy", "0.1")
    wheel(tmp_path, "torch", "1.0")
    wheels = list(tmp_path.glob("*.whl"))
    assert wheels_to_install(wheels, all_versions=False) == [absent]
    assert wheels_to_install(wheels, all_versions=True) == [absent, other_version]


def test_cublas_of_cuda_13_is_linked_under_the_name_of_12(tmp_path: Path):
    nvidia = tmp_path / "nvidia" / "lib"
    nvidia.mkdir(parents=True)
    for name in ("libcublas.so.13", "libcublasLt.so.13"):
        (nvidia / name).touch()
    links = link_cublas([tmp_path / "absent", nvidia], tmp_path / "lib")
    assert {link.name: link.resolve().name for link in links} == {
        "libcublas.so.12": "libcublas.so.13",
        "libcublasLt.so.12": "libcublasLt.so.13",
    }
    (nvidia / "libcublas.so.12").touch()
    assert link_cublas([nvidia], tmp_path / "lib")[0].resolve().name == "libcublas.so.12"


def test_machine_without_cublas_has_no_links(tmp_path: Path):
    assert link_cublas([tmp_path], tmp_path / "lib") == []


def test_environment_names_packages_libraries_and_models(tmp_path: Path):
    text = write_environment(tmp_path, tmp_path / "lib", [Path("/cudnn")]).read_text()
    assert f'PYTHONPATH="{tmp_path}/site:' in text
    assert f'LD_LIBRARY_PATH="{tmp_path}/lib:/cudnn' in text
    assert f'WHISPER_MODEL_DIR="{tmp_path}/models"' in text


def test_required_packages_are_complete_without_torch_and_what_the_machine_has():
    versions = required_versions(["peft", "faster-whisper"], [], "3.12")
    assert versions["peft"] == version("peft")
    assert {"ctranslate2", "av", "transformers", "pyyaml"} <= set(versions)
    assert not [name for name in versions if name == "torch" or name.startswith("nvidia")]
    assert "transformers" not in required_versions(["peft"], ["Transformers"], "3.12")
