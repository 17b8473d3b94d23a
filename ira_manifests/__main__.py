"""`python -m ira_manifests`, and the script `ira-manifests`."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    from ira_manifests import no_plugins

    no_plugins.disable()

    from ira_manifests.cli import process

    return process.run("python -m ira_manifests" if __name__ == "__main__" else "ira-manifests")


if __name__ == "__main__":
    sys.exit(main())
