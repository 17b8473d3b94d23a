"""`python -m ira_manifests`, and the script `ira-manifests`."""

import os
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    from ira_manifests import no_plugins

    no_plugins.disable()

    if "_ARGCOMPLETE" in os.environ:
        from ira_manifests.cli import completing

        completing.run("ira-manifests")

    from ira_manifests.cli import process

    return process.run("python -m ira_manifests" if __name__ == "__main__" else "ira-manifests")


if __name__ == "__main__":
    sys.exit(main())
