"""What is a secret, in options whose names are other people's: fsspec's, librdkafka's, those of object stores.

Judged by the name, or by a value that says so itself: a private key, a connection string, a URL with a password. Public
are the names of users and of keys (`key`, `access_key_id`, `username`, `account_name`), and where something lies
(paths, addresses).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["HIDDEN", "form_of", "has_password", "is_address_name", "is_secret_name", "secrets_in", "without_password"]

HIDDEN = "***"
"""What stands for a secret in texts."""

# A capital begins a word: accountKey, SSECustomerKey.
_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Anywhere in a name, whatever stands around it: aws_session_token, clientSecret, sasl.password.
_SECRET = re.compile(r"secret|passw|passphrase|token|credential|authori[sz]ation|connection_?string|jaas")
# As words of a name.
_SECRET_WORDS = frozenset({"auth", "bearer", "cookie", "cookies", "pass", "pat", "pw", "pwd", "sas", "sig"})
# What is a secret only with its last words: `key` alone is a public name (s3fs), a private, account or API key is none.
_SECRET_ENDS = re.compile(
    r"(?:^|_)(?:account|api|customer|encryption|private|sas|p|secret|shared|signing|ssl)_?key(?:_pem|_text)?$|key_pem$"
    r"|oauthbearer_config$|signature$"
)
# What such a name says of a secret without being one: where it lies, of which kind it is.
_ABOUT = re.compile(
    r"_(?:algorithm|duration|endpoint|endpoint_url|expiry|file|filename|location|mechanism|method|name|path"
    r"|provider|scope|style|timeout|type|uri|url|version)$"
)
# gcsfs's `token` names a way to get one, or a file, as often as it is one.
_NO_TOKEN = re.compile(r"anon|browser|cache|cloud|google_default|(?:/|~/|\./)[^\n]*\.json")
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|(?:AccountKey|SharedAccessKey|SharedAccessSignature|password|pwd)\s*=\s*\S",
    re.IGNORECASE,
)
# A password may have an @ of its own: what counts is the last before the path.
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/\s]*@")
_SIGNED = re.compile(
    r"(?<=[?&])((?:[\w-]*(?:token|secret|password|signature|credential)|sig|sas|api_?key)=)(?!\*\*\*)[^&\s#'\"]+", re.I
)


def form_of(value: Any) -> tuple[str, Any] | None:
    """Return `env` or `file` and what is named, of an option that says where its value is; None for any other."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, named),) = value.items()
        # fsspec has tables of this name: what is said to the file system `file` in a chain of them.
        if kind in ("env", "file") and not isinstance(named, Mapping | list):
            return kind, named
    return None


def is_address_name(name: str) -> bool:
    """Return whether an option of this name says where something is, or of which kind it is."""
    return bool(_ABOUT.search(f"_{_plain(name)}"))


def is_secret_name(name: str) -> bool:
    """Return whether an option of this name holds a secret."""
    plain = _plain(name)
    if _ABOUT.search(plain):
        return False
    words = plain.split("_")
    return bool(_SECRET.search(plain) or _SECRET_ENDS.search(plain) or _SECRET_WORDS.intersection(words))


def _plain(name: str) -> str:
    return "_".join(word for word in re.split(r"[^a-z0-9]+", _CAPITALS.sub("_", name).lower()) if word)


def secrets_in(options: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield place (keys and positions) and value of each secret that stands in options, at any depth.

    `{env: NAME}` and `{file: PATH}` say where a secret is, and are none.
    """
    yield from _secrets_in(options, (), is_under_secret=False)


def _secrets_in(value: Any, place: tuple[str | int, ...], *, is_under_secret: bool) -> Iterator[tuple[Any, Any]]:
    if form_of(value) is not None:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            secret = is_under_secret or is_secret_name(str(key))
            yield from _secrets_in(item, (*place, key), is_under_secret=secret)
    elif type(value) in (list, tuple):
        for number, item in enumerate(value):
            yield from _secrets_in(item, (*place, number), is_under_secret=is_under_secret)
    elif _is_secret(value, place, is_under_secret):
        yield place, value


def _is_secret(value: Any, place: tuple[str | int, ...], is_under_secret: bool) -> bool:
    if value is None or isinstance(value, bool) or value == "":
        return False
    if not is_under_secret:
        return isinstance(value, str) and (has_password(value) or bool(_SECRET_VALUE.search(value)))
    return not (place[-1:] == ("token",) and isinstance(value, str) and _NO_TOKEN.fullmatch(value))


def has_password(text: str) -> bool:
    """Return whether a text has a URL in it with a password, `user:password@` or a signed one."""
    return "://" in text and without_password(text) != text


def without_password(text: str) -> str:
    """Return a text in which URLs name a user but no password, and none is signed."""
    text = _PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    return _SIGNED.sub(rf"\1{HIDDEN}", text) if "://" in text else text
