"""`python -m ira_manifests`."""

from ira_manifests.cli import app

if __name__ == "__main__":
    app(prog_name="python -m ira_manifests")
