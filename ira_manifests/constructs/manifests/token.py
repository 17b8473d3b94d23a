"""The token of the Hugging Face Hub: its volume in the Pod, and what makes the Secret.

The token itself is in none of these objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.download_containers import POD, PROFILE, TOKEN_VOLUME
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.layout import TOKEN_KEY
from ira_manifests.profiles.platform import Platform, RemoteToken, Token

# https://cloud.google.com/secret-manager/docs/secret-manager-managed-csi-component
_DRIVER = "secrets-store-gke.csi.k8s.io"
_CLASS = "hugging-face-token"
_REFRESH = "1h"


def volume(platform: Platform, secret: str | None) -> Json:
    """Return the volume of the token. `secret`: the Secret to read instead of the platform's."""
    token = _token(platform, secret)
    if token is not None and token.secret_manager is not None:
        attributes = {"secretProviderClass": _CLASS}
        csi = {"driver": _DRIVER, "readOnly": True, "volumeAttributes": attributes}
        return {"name": TOKEN_VOLUME, "csi": csi}
    # The user's file, or who applies by hand, is told by the script what is missing. A Secret that
    # somebody else makes may come later than the Pod, which waits for it.
    optional = {} if _is_waited_for(platform, token) else {"optional": True}
    held = {
        "secretName": secret or platform.model_download.secret,
        "items": [{"key": TOKEN_KEY, "path": TOKEN_KEY}],
        # Readable by root and by the group of fsGroup, which includes the container's user.
        "defaultMode": 0o440,
        **optional,
    }
    return {"name": TOKEN_VOLUME, "secret": held}


def _token(platform: Platform, secret: str | None) -> Token | None:
    return platform.model_download.token if secret is None else Token(secret=secret)


def _is_waited_for(platform: Platform, token: Token | None) -> bool:
    """Return whether the Pod starts only when the Secret is there."""
    return platform.pruned or token is not None


def objects(platform: Platform, secret: str | None, labels: Mapping[str, str]) -> dict[str, Json]:
    """Return what brings the token into the cluster, by its id in the construct."""
    token = _token(platform, secret)
    if token is not None and token.external_secret is not None:
        return {
            "Token": _external_secret(platform.model_download.secret, token.external_secret, labels)
        }
    if token is not None and token.secret_manager is not None:
        return {"Token": _provider_class(token.secret_manager, labels)}
    return {}


def _external_secret(name: str, held: RemoteToken, labels: Mapping[str, str]) -> Json:
    """https://external-secrets.io/latest/api/externalsecret/."""
    remote = {"key": held.key, **({"property": held.property} if held.property else {})}
    spec = {
        "refreshInterval": _REFRESH,
        "secretStoreRef": {"kind": held.store_kind, "name": held.store},
        "target": {"name": name, "creationPolicy": "Owner"},
        "data": [{"secretKey": TOKEN_KEY, "remoteRef": remote}],
    }
    return parts.manifest("external-secrets.io/v1", "ExternalSecret", name, labels, {"spec": spec})


def _provider_class(version: str, labels: Mapping[str, str]) -> Json:
    # The driver reads YAML from this text; JSON is YAML.
    secrets = json.dumps([{"resourceName": version, "path": TOKEN_KEY}])
    spec = {"provider": "gke", "parameters": {"secrets": secrets}}
    return parts.manifest(
        "secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", _CLASS, labels, {"spec": spec}
    )


_OF_TOKEN = f"{POD}.volumes[{TOKEN_VOLUME}]"


def sources(platform: Platform, secret: str | None, namespace: str) -> list[Source]:
    """Return the source of each field of the objects, and of their part of the volume.

    `secret`: as of `volume`. `namespace`: the source of theirs.
    """
    token, field = _token(platform, secret), f"{PROFILE}.token"
    if token is not None and token.external_secret is not None:
        return _of_external_secret(
            f"{field}.external_secret", bool(token.external_secret.property), namespace
        )
    if token is not None and token.secret_manager is not None:
        return _of_provider_class(f"{field}.secret_manager", namespace)
    if _is_waited_for(platform, token):
        return []
    return [
        source("the construct: without a token the Job starts, and says what is missing",
               f"{_OF_TOKEN}.secret.optional"),
    ]  # fmt: skip


def _of_external_secret(field: str, has_property: bool, namespace: str) -> list[Source]:
    spec = "ExternalSecret spec"
    remote = f"{spec}.data[0].remoteRef"
    of_property = [source(f"{field}.property", f"{remote}.property", name="token_property")]
    return [
        source(f"{field}.store", f"{spec}.secretStoreRef.name", name="token_store"),
        source(f"{field}.store_kind", f"{spec}.secretStoreRef.kind", name="token_store_kind"),
        source(f"{field}.key", f"{remote}.key", name="token_key"),
        *(of_property if has_property else []),
        *parts.described("ExternalSecret"),
        source(namespace, "ExternalSecret metadata.namespace"),
        source("the construct: the Secret's name", "ExternalSecret metadata.name"),
        source("the construct: the Secret that the Job reads", f"{spec}.target",
               f"{spec}.data[0].secretKey"),
        source("the construct: how often the operator reads the store", f"{spec}.refreshInterval"),
    ]  # fmt: skip


def _of_provider_class(field: str, namespace: str) -> list[Source]:
    return [
        source(field, "SecretProviderClass spec.parameters.secrets", name="token"),
        *parts.described("SecretProviderClass"),
        source(namespace, "SecretProviderClass metadata.namespace"),
        source("the construct: the class that the Job's volume names",
               "SecretProviderClass metadata.name"),
        source("the construct: the Secret Manager add-on", "SecretProviderClass spec.provider"),
    ]  # fmt: skip
