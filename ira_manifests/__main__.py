"""`python -m ira_manifests`, and the script `ira-manifests`."""

import os
import signal
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    # While modules are imported there is nothing to tidy up: an interrupt just ends the process.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    # Pydantic would search all installed packages for plugins, which this program has no use for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

    from ira_manifests.cli import process

    return process.run("python -m ira_manifests" if __name__ == "__main__" else "ira-manifests")


if __name__ == "__main__":
    sys.exit(main())
