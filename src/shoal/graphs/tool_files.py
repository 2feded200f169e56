"""Files of tools: imported under names that hide no installed module; neighbours may import each other."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


class ToolFiles:
    """Imports files of tools, each once; a folder is a package, so that `from .bank import money` works."""

    def __init__(self) -> None:
        self._packages: dict[Path, str] = {}
        self._digests: dict[Path, str] = {}

    def load(self, path: Path) -> ModuleType:
        """The module of a file. Raises what the file raises."""
        name = f"{self._package(path.parent)}.{path.stem}"
        if name in sys.modules:  # a neighbour imported it
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError("it is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and type hints look their module up there
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the command's own output
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def digest(self, path: Path) -> str:
        """SHA-256 of a file, and of the neighbours that it imports, directly or not."""
        if path not in self._digests:
            self._digests[path] = _digest(path)
        return self._digests[path]

    def _package(self, folder: Path) -> str:
        if folder not in self._packages:
            name = f"_shoal_tools_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
            # What an earlier workspace object imported may have been edited since.
            for old in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
                del sys.modules[old]
            importlib.invalidate_caches()
            package = ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules[name] = package
            self._packages[folder] = name
        return self._packages[folder]


def _digest(path: Path) -> str:
    """SHA-256 of a file, and of the neighbours that it imports, directly or not."""
    files = [path]
    for file in files:
        files += [each for each in _neighbours(file) if each not in files]
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def _neighbours(path: Path) -> list[Path]:
    found: list[Path] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found += [path.with_name(f"{name.partition('.')[0]}.py") for name in names]
    return [file for file in dict.fromkeys(found) if file.is_file()]
