"""Documents that promise something about the code are held to it."""

import ast
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def hook_signatures() -> list[str]:
    return [
        f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}".replace("'", "")
        for node in hooks()
        if node.returns is not None
    ]


def hooks() -> list[ast.FunctionDef]:
    files = [ROOT / package / "hookspecs.py" for package in ("core", "schema")]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    return [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_every_hook_has_its_heading_with_its_signature() -> None:
    page = (ROOT / "docs" / "plugins" / "hooks.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `(.+)`$", page, re.MULTILINE) == hook_signatures()


def test_every_hook_states_its_contract() -> None:
    for node in hooks():
        stated = ast.get_docstring(node) or ""
        parts = ("Called:", "Returns:", "Merged:", "Errors:", "Source:", "Since:")
        assert [part for part in parts if part not in stated] == [], node.name


def test_every_error_code_is_in_the_tree_and_explained_to_api_clients() -> None:
    tree = (ROOT / "core" / "errors.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "graphql.md").read_text(encoding="utf-8")
    codes = set(re.findall(r'^    code = "([A-Z_]+)"', tree, re.MULTILINE))
    drawn = tree.split('"""')[1]
    assert {code for code in codes if code not in drawn} == set()
    assert {code for code in codes if f"`{code}`" not in page} == set()


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_lock_files_pin_with_hashes_and_name_no_host() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-redis.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9-]+(?:\[[a-z,]+\])?==", text, re.MULTILINE)
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
        assert all("--hash=sha256:" in block for block in blocks if "==" in block.split("\n")[0])
        assert len(pins) > 40 or name == "requirements-redis.lock"


def test_make_lists_every_target_with_what_it_does() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {target for target in targets if f"make {target}" not in listed} == set()


def test_the_lock_file_of_the_clients_pins_with_hashes_and_names_no_host() -> None:
    text = (ROOT / "tests" / "clients" / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
