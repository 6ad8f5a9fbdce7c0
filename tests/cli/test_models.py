"""`argus info`, and models given by a path."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from argus.checkpoint import save
from argus.cli.main import app
from argus.model.sam3 import Sam3
from tests.cli.conftest import Run, document


@pytest.fixture
def folder(tiny_model: Sam3, tmp_path: Path) -> Path:
    save(tiny_model, tmp_path / "tiny")
    return tmp_path / "tiny"


def test_info_counts_every_parameter(run: Run, folder: Path, tiny_model: Sam3) -> None:
    result = run("info", folder, "--json")
    assert result.exit_code == 0, result.stderr
    printed = document(result)
    assert printed["parameters"] == sum(p.numel() for p in tiny_model.parameters()) == sum(printed["parts"].values())
    assert printed["config"]["vision"]["image"] == 48
    assert printed["layout"] == "Argus"


def test_info_for_people_names_the_sizes(run: Run, folder: Path) -> None:
    result = run("info", folder)
    assert result.exit_code == 0, result.stderr
    assert "48 x 48 px" in result.stdout


def test_a_model_folder_answers(folder: Path, photo: Path) -> None:
    args = ["segment", str(photo), "-p", "dog", "--threshold", "0", "--json", "--model", str(folder)]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.stderr
    assert document(result)["images"][0]["detections"]


def test_bad_models_fail_with_status_1_and_no_traceback(folder: Path, photo: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"cut short")
    for source in (folder, folder / "absent"):
        for args in (["info", source], ["segment", photo, "-p", "dog", "--json", "--model", source]):
            result = CliRunner().invoke(app, [str(a) for a in args])
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr.startswith("error: ")
