"""`python -m ira_manifests`, and the script `ira-manifests`."""

import os
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    # Pydantic would search all installed packages for plugins, which this program has no use for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

    from ira_manifests.cli import process

    return process.run("python -m ira_manifests" if __name__ == "__main__" else "ira-manifests")


if __name__ == "__main__":
    sys.exit(main())
