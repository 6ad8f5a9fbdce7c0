"""The house keeps its shape: imports go one way, and `import argus` stays light."""

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import argus

PACKAGE = Path(__file__).parents[1] / "argus"

ALLOWED = {
    "types": {"ops", "export"},
    "ops": set(),
    "export": {"ops", "types"},
    "nn": {"ops"},
    "model": {"nn", "ops", "types"},
    "checkpoint": {"model", "ops"},
    "inference": {"model", "checkpoint", "export", "ops", "types"},
    "data": {"ops", "types"},
    "eval": {"data", "ops", "types"},
    "train": {"model", "data", "eval", "checkpoint", "ops", "types"},
    "engine": {"inference", "data", "eval"},
    "server": {"inference", "types"},
    "recipes": {"train", "model", "data", "eval"},
    "weights": set(),
}
ALLOWED["cli"] = {"", *ALLOWED}  # everything, the public API ("") too; and nothing imports cli

# Installed or not, `import argus` loads none of these.
HEAVY = {
    *("av", "cv2", "fastapi", "huggingface_hub", "jinja2", "kornia", "matplotlib", "open_clip", "pycocotools"),
    *("rdflib", "requests", "resvg_py", "rich", "scipy", "supervision", "tensorboard", "torchvision", "trackeval"),
    *("transformers", "typer", "uvicorn"),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(module: str) -> str:
    """`argus.model.decoder` is in layer `model`; `argus` itself, the public API, has the empty name."""
    return (module.split(".") + [""])[1]


def imports_of(path: Path) -> set[str]:
    """Every argus module that a file names in an import, at the top or inside a function."""
    package = ["argus", *path.relative_to(PACKAGE).parent.parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "argus" else {module}
    return {name for name in found if name.split(".")[0] == "argus"}


def forbidden(layer: str, imported: set[str]) -> set[str]:
    """Imports that leave the layer for one the table does not allow."""
    return {name for name in imported if layer_of(name) not in ALLOWED[layer] | {layer}}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py").replace("__main__", "cli")  # `python -m argus`
    if layer == "__init__":
        assert "argus.cli" not in imports_of(path)
        return
    assert layer in ALLOWED, f"argus/{layer} is not in the table: add it with what it may import"
    assert not forbidden(layer, imports_of(path))


def test_the_check_itself_sees_a_wrong_import(tmp_path: Path) -> None:
    assert forbidden("model", {"argus.train.loop", "argus.nn", "argus.model.neck"}) == {"argus.train.loop"}
    assert forbidden("model", {"argus"}) == {"argus"}
    assert forbidden("inference", {"argus.cli.main"}) == {"argus.cli.main"}


def test_the_version_is_that_of_the_package() -> None:
    assert argus.__version__ == version("argus-sam")


def test_import_argus_is_light() -> None:
    code = "import argus, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert not HEAVY & set(done.stdout.split())
