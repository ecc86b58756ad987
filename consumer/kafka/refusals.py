"""Why Kafka refuses us or does not answer, made out of librdkafka's and OpenSSL's words, and what can be done."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass

import confluent_kafka as ck

from consumer.errors import KafkaError

__all__ = ["NOT_ALLOWED", "is_explained", "missing_right", "no_answer", "refused"]

NOT_ALLOWED = frozenset(
    {
        ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
        ck.KafkaError.GROUP_AUTHORIZATION_FAILED,
        ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        ck.KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
"""Kafka knows the user, who has not the right to what was asked."""
GROUPS = "alert-transfer"
"""What the names of our consumer groups begin with."""
_TOPICS = "ftransfer_"
# What was tried -> how it reads, and Kafka's name of the right.
_ACTIONS = {
    "create": ("create", "Create"),
    "delete": ("delete", "Delete"),
    "look up": ("look up", "Describe"),
    "read": ("read", "Read"),
    "read the limits of": ("read the limits of", "DescribeConfigs"),
    "write to": ("write to", "Write"),
}
_PROBE_S = 1.0


@dataclass(frozen=True)
class _Cause:
    sign: re.Pattern[str]
    """What librdkafka says of it."""
    what: str
    next_step: str


_CAUSES = (
    _Cause(
        re.compile(r"Unsupported SASL mechanism: broker's supported mechanisms: (?P<taken>[\w, -]*\w)"),
        "it does not take the mechanism that sasl.mechanism names, only {taken}",
        "set sasl.mechanism in kafka_options to one that it takes: {taken}",
    ),
    _Cause(
        re.compile(r"not valid in current SASL state"),
        "its port takes no users, and kafka_options names one",
        "set security.protocol in kafka_options to PLAINTEXT, or SSL, and leave the sasl.… out; or give the port that "
        "takes users",
    ),
    _Cause(
        re.compile(r"SASL authentication error|Authentication failed|SASL_AUTHENTICATION_FAILED"),
        "it does not know the user, or the password is wrong",
        "check sasl.username and sasl.password in kafka_options, and that this is the Kafka that you have the account "
        "of",
    ),
    _Cause(
        re.compile(r"alert (?P<alert>(?:bad |unsupported )?certificate\w*(?: \w+)?|unknown ca|handshake failure)"),
        'it accepts no certificate of ours (it says "{alert}")',
        "set ssl.certificate.location and ssl.key.location in kafka_options to a certificate that Kafka's operator "
        "gave you, and its key; if they are set, see that it has not expired (openssl x509 -enddate -noout -in FILE) "
        "and that an authority signed it which Kafka trusts",
    ),
    _Cause(
        re.compile(r"certificate verify failed|could not be verified"),
        "its certificate can't be verified",
        "set ssl.ca.location in kafka_options to the certificate of the authority that signed Kafka's; if it is set, "
        "see that it is that one, that Kafka's has not expired, and that it names the host as you do",
    ),
    _Cause(
        re.compile(r"connecting to a PLAINTEXT broker listener|wrong version number|packet length too long"),
        "its port does not speak TLS",
        "set security.protocol in kafka_options to PLAINTEXT, or SASL_PLAINTEXT where it takes users; or give the port "
        "that speaks TLS",
    ),
    _Cause(
        re.compile(r"connecting to a SSL listener"),
        "its port speaks TLS, and security.protocol does not",
        "set security.protocol in kafka_options to SSL, or SASL_SSL where it takes users; or give a port without TLS",
    ),
    _Cause(
        re.compile(r"ends connections"),
        "it takes connections and does not answer on them, as a Kafka does that wants a user",
        "if it wants one, set security.protocol in kafka_options to SASL_PLAINTEXT, and sasl.mechanism, sasl.username "
        "and sasl.password; else see that this is Kafka's port, and that Kafka is well",
    ),
)
_WITHOUT_REASON = "transport failure"


def refused(bootstrap: str, reason: str) -> KafkaError:
    """Return the error that says that Kafka does not let us in, and why, by librdkafka's words."""
    cause = _cause_of(reason)
    if cause is None:
        return KafkaError(
            f"Kafka at {bootstrap} refuses us: {reason}",
            next_step="check user, password and certificates (kafka_options in the configuration)",
        )
    return KafkaError(f"Kafka at {bootstrap} refuses us: {cause[0]}", next_step=cause[1])


def no_answer(bootstrap: str, reason: str) -> KafkaError:
    """Return the error that says that Kafka does not answer; where librdkafka tells no cause, the port is looked at."""
    if _WITHOUT_REASON in reason:
        reason = _looked_at(bootstrap) or reason
    if _cause_of(reason) is not None:
        return refused(bootstrap, reason)
    return KafkaError(
        f"no Kafka answers at {bootstrap} ({reason})",
        accepted="host:port[,host:port] of a running Kafka",
        next_step="check the address, and security.protocol in kafka_options if it wants another; "
        "or start one with: alert-transfer broker",
    )


def missing_right(bootstrap: str, action: str, topic: str, error: ck.KafkaError) -> KafkaError:
    """Return the error that says that Kafka does not let this user do something.

    Parameters
    ----------
    bootstrap
        The Kafka.
    action
        What was tried: create, delete, look up, read, read the limits of, write to.
    topic
        With what topic.
    error
        What Kafka says, one of NOT_ALLOWED.
    """
    verb, right = _ACTIONS[action]
    on = f"on topics that begin with {_TOPICS}" if topic.startswith(_TOPICS) else f"on the topic {topic}"
    what = f"{verb} the topic {topic}"
    if error.code() == ck.KafkaError.GROUP_AUTHORIZATION_FAILED:
        what, right, on = f"read as the group {GROUPS}…", "Read", f"on groups that begin with {GROUPS}"
    elif error.code() == ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED and action == "write to":
        right, on = "IdempotentWrite", "on the cluster"
    return KafkaError(
        f"Kafka at {bootstrap} does not let this user {what}: authorization failed",
        accepted=f"a user who has the right {right} {on}",
        next_step="have Kafka's operator allow that; all rights that are needed: docs/security.md",
    )


def _looked_at(bootstrap: str) -> str | None:
    """Return what the first of the servers does with a connection, in librdkafka's words where it has some."""
    host, _, port = bootstrap.split(",")[0].strip().rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S) as plain:
            try:
                context.wrap_socket(plain).close()
                return "connecting to a SSL listener"
            except OSError:
                return "ends connections"
    except (OSError, ValueError):
        return None


def is_explained(reason: str) -> bool:
    """Return whether librdkafka's words name a cause that is known here."""
    return _cause_of(reason) is not None


def _cause_of(reason: str) -> tuple[str, str] | None:
    for cause in _CAUSES:
        if found := cause.sign.search(reason):
            return cause.what.format_map(found.groupdict()), cause.next_step.format_map(found.groupdict())
    return None
