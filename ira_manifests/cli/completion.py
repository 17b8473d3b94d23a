"""`completion`: the script by which a shell completes commands, options and names."""

from __future__ import annotations

from ira_manifests import installation
from ira_manifests.cli import terminal
from ira_manifests.errors import InputError

PROGRAM = "ira-manifests"
PACKAGE = "argcomplete>=3.5"


def command(*, shell: str) -> int:
    """Print the script by which a shell completes commands, options and names."""
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        install = installation.way_to("completion", f"pip install '{PACKAGE}'")
        raise InputError(
            f"shells complete with the package argcomplete, the extra `completion`: {install}"
        ) from None
    terminal.say(shellcode([PROGRAM], shell=shell))
    return 0
