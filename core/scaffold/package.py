"""Writing the package of a new plugin to disk."""

from collections.abc import Mapping
from pathlib import Path

from core.errors import BadInput
from core.scaffold import code, documents
from core.scaffold.plan import Plan


def package_files(plan: Plan) -> Mapping[str, str]:
    """Return every file of the package by its path inside it."""
    return {
        "pyproject.toml": documents.pyproject_text(plan),
        "README.md": documents.readme_text(plan),
        f"{plan.module}/__init__.py": code.module_text(plan),
        f"{plan.module}/py.typed": "",
        f"{plan.module}/migrations/0001_{plan.name}.up.sql": documents.up_text(plan),
        f"{plan.module}/migrations/0001_{plan.name}.down.sql": documents.down_text(plan),
        "tests/conftest.py": documents.CONFTEST,
        "tests/test_contract.py": documents.test_text(plan),
    }


def write_package(plan: Plan, parent: Path) -> Mapping[Path, int]:
    """Write the package into a new folder below `parent`; return every file with its number of lines.

    Raises:
        BadInput: the folder is there already, or cannot be made; nothing is written.
    """
    folder = parent / plan.distribution
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise BadInput(
            f"{folder} is there already, and nothing is overwritten: move it, or give another --path"
        ) from error
    except OSError as error:
        raise BadInput(f"{folder} cannot be made: {error.strerror}") from error
    written = {}
    for name, text in package_files(plan).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written[file] = text.count("\n")
    return written
