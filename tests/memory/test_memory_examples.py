"""The examples in the package's documentation run, and its names are sorted and public."""

import doctest

import ira_manifests.memory


def test_the_examples_of_the_package_run() -> None:
    assert doctest.testmod(ira_manifests.memory).failed == 0


def test_every_public_name_exists_and_is_listed_once() -> None:
    names = ira_manifests.memory.__all__
    assert len(names) == len(set(names))
    assert all(hasattr(ira_manifests.memory, name) for name in names)
