"""Why a request to the Hub has failed: by its answer, or by the error that ended it.

The Hub names a reason in X-Error-Code and X-Error-Message, but answers 401 also for a repository
that does not exist, if the request is anonymous. Source: `hf_raise_for_status` of huggingface_hub
1.33, utils/_http.py.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from ira_manifests.errors import InputError
from ira_manifests.messages import shortened

SERVER_ERROR = 500
_UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 401, 403, 404, 429
_MOST_LETTERS = 200
# Seconds in the RateLimit header: draft-ietf-httpapi-ratelimit-headers-09.
_RESET = re.compile(r";\s*t\s*=\s*(\d{1,6})")
_OTHER_WAYS = "; --from reads a folder, and HF_HUB_OFFLINE=1 the Hub's cache"

# Reasons by the type of an error or of what caused it; the first that applies.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "the certificate of {place} is not trusted; SSL_CERT_FILE names further authorities",
    ),
    (ssl.SSLError, "{place} does not speak TLS; see HF_ENDPOINT"),
    (socket.gaierror, f"the name of {{place}} can't be resolved; is there a network?{_OTHER_WAYS}"),
    (httpx.ProxyError, "the proxy for {place} refuses the connection; see HTTPS_PROXY"),
    (
        httpx.TimeoutException,
        f"{{place}} sends nothing of {{name}} for {{timeout:g}} seconds{_OTHER_WAYS}",
    ),
    (httpx.ConnectError, f"{{place}} can't be reached: it refuses connections{_OTHER_WAYS}"),
    (httpx.UnsupportedProtocol, "{place} is no address of http or https; see HF_ENDPOINT"),
    (httpx.TransportError, "{place} breaks off its answer with {name}, or garbles it"),
    (httpx.HTTPError, "{place} sends {name} in a form that can't be read"),
)


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        endpoint: the Hub's address, without user and password.
        revision: None for the default branch.
        has_token: whether requests carry a token.
    """

    endpoint: str
    model_id: str
    revision: str | None
    has_token: bool

    @property
    def page(self) -> str:
        """The model's page, which has its terms."""
        return f"{self.endpoint}/{self.model_id}"


class _MissingError(InputError):
    """A repository that the Hub does not show."""


def is_passing(error: httpx.HTTPError) -> bool:
    """Whether another try may do: a connection was made, and broke."""
    lasting = (
        httpx.TimeoutException,
        httpx.ConnectError,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    )
    return isinstance(error, httpx.TransportError) and not isinstance(error, lasting)


def failure(error: httpx.HTTPError, place: str, name: str, timeout: float) -> InputError:
    """Return the error for a request without a whole answer.

    Its text is never that of `error`, which may contain a header or a signed address.
    """
    causes = list(_causes(error))
    text = next(text for kind, text in _REASONS if any(isinstance(cause, kind) for cause in causes))
    return InputError(text.format(place=place, name=name, timeout=timeout))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def refusal(asked: Asked, response: httpx.Response, place: str, name: str) -> InputError:
    """Return the error for an answer of the Hub that is no success."""
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    if status >= SERVER_ERROR:
        return InputError(f"{place} answers {status} for {name}, an error of its own; try again")
    if status == _TOO_MANY:
        return _too_many(asked, response.headers, place)
    if code in _BY_CODE:
        return _BY_CODE[code](asked)
    said = response.headers.get("X-Error-Message", "")
    quoted = f". It says: {shortened(said, _MOST_LETTERS)}" if said else ""
    return _by_status(asked, status, place, quoted) or InputError(
        f"{place} answers {status} for {name}{quoted}"
    )


def _by_status(asked: Asked, status: int, place: str, quoted: str) -> InputError | None:
    tokens = f"{asked.endpoint}/settings/tokens"
    if status == _UNAUTHORISED and asked.has_token:
        return InputError(
            f"{place} refuses the token (HF_TOKEN, else that of `hf auth login`) as invalid or "
            f"expired: make a new one on {tokens}{quoted}"
        )
    if status == _FORBIDDEN:
        return InputError(
            f"{place} refuses access to {asked.model_id} (403); the token's permissions are on "
            f"{tokens}{quoted}"
        )
    return _missing(asked) if status in {_UNAUTHORISED, _NOT_FOUND} else None


def _restricted(asked: Asked) -> InputError:
    if asked.has_token:
        return InputError(
            f"access to {asked.model_id} is restricted, and the account of your token has none: "
            f"accept the terms on {asked.page}, and wait for an answer if they are reviewed"
        )
    return InputError(
        f"access to {asked.model_id} is restricted, and no token is set: accept the terms on "
        f"{asked.page}, and set HF_TOKEN to a token of that account"
    )


def _no_revision(asked: Asked) -> InputError:
    return InputError(
        f"{asked.model_id} has no revision {asked.revision or 'main'}; give --revision a branch, "
        "a tag or a whole commit"
    )


def _missing(asked: Asked) -> _MissingError:
    where = f"there is no model {asked.model_id} on {asked.endpoint}"
    if asked.has_token:
        return _MissingError(f"{where}, or it is private and your token's account can't see it")
    return _MissingError(
        f"{where}, or it is private: then set HF_TOKEN to a token of an account that can see it"
    )


_BY_CODE = {
    "GatedRepo": _restricted,
    "RepoNotFound": _missing,
    "RevisionNotFound": _no_revision,
}


def _too_many(asked: Asked, headers: httpx.Headers, place: str) -> InputError:
    wait = headers.get("Retry-After", "").strip()
    found = _RESET.search(headers.get("RateLimit", ""))
    seconds = wait if re.fullmatch(r"[0-9]{1,6}", wait) else found[1] if found else ""
    when = f"in {seconds} seconds" if seconds else "later"
    more = "" if asked.has_token else "; with a token (HF_TOKEN) the Hub allows more"
    return InputError(f"{place} answers 429, too many requests: try again {when}{more}")
