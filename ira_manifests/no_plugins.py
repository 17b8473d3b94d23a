"""Plugins of pydantic, which the command line has no use for, are not searched for.

A variable of pydantic's stops the search, but not the import of what searches: importlib.metadata
and all that this imports, a tenth of the time of `list`. So a module that finds none takes the
place of `pydantic.plugin._loader`. Where pydantic has no such module, the variable alone counts.
"""

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_LOADER = "pydantic.plugin._loader"


class _NoLoader(ModuleType):
    """Finds no plugins; for anything else it is replaced by pydantic's own module."""

    @staticmethod
    def get_plugins() -> tuple[()]:
        """Return the plugins to use."""
        return ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks for what a module may lack
            raise AttributeError(name)
        sys.modules.pop(_LOADER, None)
        return getattr(import_module(_LOADER), name)


def disable() -> None:
    """Disable plugins before pydantic is imported, unless the user's environment decides."""
    if "PYDANTIC_DISABLE_PLUGINS" in os.environ:
        return
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    sys.modules.setdefault(_LOADER, _NoLoader(_LOADER))
