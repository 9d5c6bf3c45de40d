"""Runtimes that people add: a virtual environment or a ``node_modules`` that programs may see, as a runtime's file."""

import glob
import json
import subprocess
from pathlib import Path
from typing import Final

from cloche.executor.added_runtimes import NAME, load_one
from cloche.executor.engines.local.toolchains import CELLS_OWN
from cloche.executor.runtimes import RuntimeFileError, load_runtimes
from cloche.stack.spawn import StackError

_ASK_TIMEOUT_S: Final = 20.0
#: Runtimes whose programs find packages in a ``node_modules``.
NODE_BASES: Final = ("javascript", "typescript")
#: Where programs find it, so that both ``require`` and ``import`` look there.
_MODULES: Final = "/node_modules"

_VENV_TEST: Final = """
import ctypes, json, os, sqlite3, ssl, sys, sysconfig
places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
names = [os.path.join(place, name) for place in places for name in os.listdir(place)]
print("glass", sys.prefix != sys.base_prefix, [name for name in names if not os.access(name, os.R_OK)])
"""
_MODULES_TEST: Final = """
const fs = require('fs'), path = require('path');
const place = process.env.NODE_PATH.split(':').find((each) => fs.existsSync(each));
const names = fs.readdirSync(place).filter((name) => !name.startsWith('.'));
for (const name of names) fs.accessSync(path.join(place, name), fs.constants.R_OK);
console.log('glass', names.length > 0);
"""


def add_venv(folder: Path, name: str, venv: Path, base: str = "python") -> Path:
    """Write the runtime ``name``: programs of ``base`` that see this virtual environment. Its file.

    Raises:
        StackError: the name can't be had, or this is no virtual environment that works.
    """
    if base != "python":
        raise StackError(f"A virtual environment extends the runtime python, not {base}.")
    place = _directory(venv, folder)
    covered = next((own for own in CELLS_OWN if place.is_relative_to(own)), None)
    if covered is not None:
        raise StackError(f"Programs have a {covered} of their own and would not see {place}: make it elsewhere.")
    marker = place / "pyvenv.cfg"
    if not marker.is_file():
        raise StackError(f"{place} is not a virtual environment: it has no pyvenv.cfg.")
    tool = place / "bin" / "python"
    _refuse_dead(tool)
    lines = [f"title = {_text(f'Python ({name})')}"]
    lines += ["[host]", f"commands = [{_text(glob.escape(str(tool)))}]", f"tool = {_text(str(tool))}"]
    lines += [f"readonly = [{_text(glob.escape(str(place)))}]"]
    if _sees_system(marker):
        lines += ["hidden = []"]
    lines += ["[self_test]", f"source = {_text(_VENV_TEST)}", f"expected = {_text('glass True []' + chr(10))}"]
    return _write(folder, name, base, lines)


def add_node_modules(folder: Path, name: str, modules: Path, base: str = "javascript") -> Path:
    """Write the runtime ``name``: programs of ``base`` that see these packages. Its file.

    Raises:
        StackError: the name can't be had, or there are no packages.
    """
    if base not in NODE_BASES:
        raise StackError(f"A node_modules extends {' or '.join(NODE_BASES)}, not {base}.")
    place = _directory(modules, folder)
    if place.name != "node_modules":
        place = _directory(place / "node_modules", folder)
    if not any(entry.is_dir() and not entry.name.startswith(".") for entry in place.iterdir()):
        raise StackError(f"{place} holds no packages.")
    title = {"javascript": "JavaScript", "typescript": "TypeScript"}[base]
    lines = [f"title = {_text(f'{title} ({name})')}"]
    lines += ["[env]", f"NODE_PATH = {_text(f'{_MODULES}:{place}')}"]
    lines += ["[host.placed]", f"{_text(str(place))} = {_text(_MODULES)}"]
    lines += ["[self_test]", f"source = {_text(_MODULES_TEST)}", f"expected = {_text('glass true' + chr(10))}"]
    return _write(folder, name, base, lines)


def remove(folder: Path, name: str) -> None:
    """Take an added runtime away; what runs goes on.

    Raises:
        StackError: there is none of this name.
    """
    path = folder / f"{name}.toml"
    if not NAME.fullmatch(name) or not path.is_file():
        own = any(name in (runtime.name, *runtime.aliases) for runtime in load_runtimes())
        raise StackError(f"{name} is one of Cloche's own." if own else f"No runtime {name} was added.")
    try:
        path.unlink()
    except OSError as error:
        raise StackError(f"Can't remove {path}: {error.strerror}.") from error


def _directory(path: Path, folder: Path) -> Path:
    """The path as programs will see it, without links.

    Raises:
        StackError: there is none, or programs would see Cloche's own data.
    """
    place = path.expanduser().absolute().resolve()
    if not place.is_dir():
        raise StackError(f"There is no directory {place}.")
    data = folder.resolve().parent
    if data.is_relative_to(place):
        raise StackError(f"{place} holds Cloche's own data, which programs must not see.")
    return place


def _refuse_dead(tool: Path) -> None:
    if not tool.exists():
        gone = f"its interpreter {tool.readlink()} is gone" if tool.is_symlink() else f"there is no {tool}"
        raise StackError(f"This virtual environment does not work: {gone}. Make it anew.")
    try:
        subprocess.run([tool, "-I", "-c", "import sys"], capture_output=True, timeout=_ASK_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"This virtual environment does not work: {tool} does not start ({error}).") from error


def _sees_system(marker: Path) -> bool:
    """Whether the environment says that the interpreter's own packages are seen too."""
    pairs = (line.partition("=") for line in marker.read_text(encoding="utf-8", errors="replace").splitlines())
    said = {key.strip().lower(): value.strip().lower() for key, _, value in pairs}
    return said.get("include-system-site-packages") == "true"


def _write(folder: Path, name: str, base: str, lines: list[str]) -> Path:
    if not NAME.fullmatch(name):
        raise StackError(f"{name!r} is no name for a runtime: lower-case letters, digits, dots and dashes, at most 32.")
    path, fresh = folder / f"{name}.toml", folder / f".{name}.toml.new"
    if path.exists():
        raise StackError(f"The name {name} is taken; 'cloche runtimes remove {name}' frees it.")
    own = load_runtimes()
    if any(name in (runtime.name, *runtime.aliases) for runtime in own):
        raise StackError(f"The name {name} is taken by one of Cloche's own runtimes.")
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh.write_text("\n".join([f"extends = {_text(base)}", *lines, ""]), encoding="utf-8")
        fresh.chmod(0o644)
        fresh.replace(path)
        load_one(path, own)
    except (OSError, ValueError) as error:
        fresh.unlink(missing_ok=True)
        raise StackError(f"Can't write {path}: {error}.") from error
    except RuntimeFileError as error:
        path.unlink(missing_ok=True)
        raise StackError(str(error)) from error
    return path


def _text(text: str) -> str:
    """As a TOML string, of which JSON's strings are a part."""
    return json.dumps(text)
