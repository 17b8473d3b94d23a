"""`python -m ira_manifests`, and the script `ira-manifests`."""

import gc
import os
import signal
import sys

# New objects after which Python looks for garbage. Imports make many that all stay, and looking
# through them every 700 objects, which is the default, is a good part of a short run.
_MANY = 100_000


def main() -> int:
    """Run the command line and return its exit code."""
    gc.set_threshold(_MANY)

    # While modules are imported there is nothing to tidy up: an interrupt just ends the process.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    # Pydantic would search all installed packages for plugins, which this program has no use for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

    from ira_manifests.cli import process

    code = process.run("python -m ira_manifests" if __name__ == "__main__" else "ira-manifests")
    gc.freeze()  # the system takes back what is left; Python need not look it through as well
    return code


if __name__ == "__main__":
    sys.exit(main())
