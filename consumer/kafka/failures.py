"""What librdkafka's errors mean to us, and how they are told: one table for all that talk to Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TypeVar

import confluent_kafka as ck

from consumer.errors import ConfigError, KafkaError
from consumer.kafka.refusals import NOT_ALLOWED, is_explained, missing_right, no_answer, refused
from consumer.settings import without_secrets

__all__ = [
    "EXPIRED",
    "GONE",
    "LEADERLESS",
    "PASSING",
    "REFUSED",
    "Reports",
    "code_of",
    "deleted",
    "expired",
    "first_answer",
    "invalid_settings",
    "is_refusal",
    "reason_of",
    "stopped",
    "unknown_ends",
    "unreadable",
    "wrong_partitions",
]

GONE = frozenset({ck.KafkaError.UNKNOWN_TOPIC_OR_PART, ck.KafkaError._UNKNOWN_TOPIC, ck.KafkaError._UNKNOWN_PARTITION})
"""Kafka has no such topic, as far as the broker that answers knows; one that was just started may not know yet."""
EXPIRED = frozenset({ck.KafkaError._AUTO_OFFSET_RESET, ck.KafkaError.OFFSET_OUT_OF_RANGE})
"""Kafka does not have the message that comes next."""
LEADERLESS = frozenset(
    {
        ck.KafkaError.LEADER_NOT_AVAILABLE,
        ck.KafkaError.NOT_LEADER_FOR_PARTITION,
        ck.KafkaError.FENCED_LEADER_EPOCH,
        ck.KafkaError.UNKNOWN_LEADER_EPOCH,
        ck.KafkaError.OFFSET_NOT_AVAILABLE,
        ck.KafkaError._DESTROY_BROKER,
        ck.KafkaError._TRANSPORT,
        ck.KafkaError._UNKNOWN_PARTITION,
    }
)
"""A partition's leader moves, or a new topic has none yet; librdkafka says so for a while after a break."""
PASSING = (
    LEADERLESS
    | GONE
    | {
        ck.KafkaError._PARTITION_EOF,
        ck.KafkaError._ALL_BROKERS_DOWN,
        ck.KafkaError._TIMED_OUT,
        ck.KafkaError._RESOLVE,
    }
)
"""What comes between messages and does not end the reading by itself."""
REFUSED = frozenset(
    {
        ck.KafkaError._AUTHENTICATION,
        ck.KafkaError._SSL,
        ck.KafkaError.SASL_AUTHENTICATION_FAILED,
        *NOT_ALLOWED,
    }
)
"""Kafka does not let us in, or does not let us do it: trying again is of no use."""


_UNANSWERED = frozenset({ck.KafkaError._TRANSPORT, ck.KafkaError._TIMED_OUT, ck.KafkaError._ALL_BROKERS_DOWN})
_SHORT_S, _SLACK_S = 1.5, 0.1
_Answer = TypeVar("_Answer")


def is_refusal(error: ck.KafkaError) -> bool:
    """Return whether Kafka refuses us for good."""
    return error.code() in REFUSED or error.fatal()


def code_of(exc: BaseException) -> int | None:
    """Return librdkafka's code of an exception, None if it is not librdkafka's."""
    return exc.args[0].code() if isinstance(exc, ck.KafkaException) and exc.args else None


def reason_of(exc: BaseException) -> str:
    """Return what an exception says, in librdkafka's words."""
    first = exc.args[0] if exc.args else exc
    return first.str() if isinstance(first, ck.KafkaError) else str(first)


class Reports:
    """Keeps what librdkafka reports of brokers and connections, beside the answers to requests.

    Given to a client as its `error_cb`: it is called while the client is polled, and never else. Wrong credentials
    show nowhere but here: every request would only time out, and messages after minutes. So does, to
    a reader, that its topic was deleted: what it fetches just comes back empty.
    """

    def __init__(self, bootstrap: str):
        self._bootstrap = bootstrap
        self._refusal: ck.KafkaError | None = None
        self._reason: ck.KafkaError | None = None
        self._is_topic_gone = False

    def __call__(self, error: ck.KafkaError) -> None:
        if is_refusal(error):
            self._refusal = error
        elif error.code() in GONE:
            self._is_topic_gone = True
        elif error.code() != ck.KafkaError._ALL_BROKERS_DOWN:  # which is never the reason
            self._reason = error

    def clear(self) -> None:
        """Forget what was reported."""
        self._refusal = self._reason = None

    def forget_reason(self) -> None:
        """Forget why somebody did not answer: a new request begins. A refusal stays."""
        self._reason = None

    def take_gone(self) -> bool:
        """Return whether a topic was reported as gone since this was last asked."""
        is_gone, self._is_topic_gone = self._is_topic_gone, False
        return is_gone

    def check(self) -> None:
        """Raise if Kafka refused us."""
        if self._refusal is not None:
            raise refused(self._bootstrap, self._refusal.str())

    @property
    def are_enough(self) -> bool:
        """Whether it was reported why Kafka does not let us in: it need not be asked any longer."""
        return self._refusal is not None or (self._reason is not None and is_explained(self._reason.str()))

    def silence(self, exc: ck.KafkaException) -> KafkaError:
        """Return the error for a request that failed: that we are refused, or that Kafka does not answer, and why."""
        if self._refusal is not None:
            return refused(self._bootstrap, self._refusal.str())
        return no_answer(self._bootstrap, reason_of(exc) if self._reason is None else self._reason.str())


def first_answer(
    ask: Callable[[float], _Answer], poll: Callable[[], object], reports: Reports, timeout_s: float
) -> _Answer:
    """Return the answer to a request that comes first after a client was made, and so includes the connecting.

    librdkafka waits as long as it is told to, also for a Kafka that has refused us. So it is told little at first.

    Parameters
    ----------
    ask
        Makes the request; it is given how long it may take.
    poll
        Has the client tell what it has to report.
    reports
        What it was told.
    timeout_s
        How long all may take.

    Raises
    ------
    KafkaException
        If the answer does not come.
    """
    deadline = time.monotonic() + timeout_s
    for share in (_SHORT_S, timeout_s):
        begun = time.monotonic()
        wait_s = min(share, deadline - begun)
        try:
            return ask(wait_s)
        except ck.KafkaException as exc:
            poll()
            has_waited = time.monotonic() - begun >= wait_s - _SLACK_S
            if reports.are_enough or not has_waited or share == timeout_s or code_of(exc) not in _UNANSWERED:
                raise
    raise AssertionError("the last request either answers or raises")


def invalid_settings(exc: Exception) -> ConfigError:
    """Return the error that says that librdkafka does not take its properties."""
    return ConfigError(
        f"Kafka's settings are not valid: {without_secrets(reason_of(exc))}",
        accepted="host:port[,host:port], and kafka_options that librdkafka knows",
        next_step="check --kafka, and kafka_options in the configuration",
    )


def deleted(bootstrap: str, topic: str) -> KafkaError:
    """Return the error that says that a topic, which there was, is gone."""
    return KafkaError(
        f"Kafka at {bootstrap} no longer has the topic {topic}: it was deleted",
        accepted="alerts are kept for 4 days, the manifest of a job for 30, unless its settings said otherwise",
        next_step="submit the request again; what was fetched before stays where it is",
    )


def expired(topic: str) -> KafkaError:
    """Return the error that says that Kafka no longer has the messages that come next."""
    return KafkaError(
        f"messages of {topic} that come next expired before they were fetched",
        accepted="alerts are kept for 4 days, the manifest of a job for 30, unless its settings said otherwise",
        next_step="submit the request again, and fetch it with --restart or into another folder",
    )


def unreadable(bootstrap: str, topic: str, error: ck.KafkaError) -> KafkaError:
    """Return the error that says that Kafka gives no messages of a topic, and why."""
    if error.code() in NOT_ALLOWED:
        return missing_right(bootstrap, "read", topic, error)
    if error.code() in REFUSED:
        return refused(bootstrap, error.str())
    return KafkaError(f"Kafka at {bootstrap} does not let us read {topic}: {error.str()}")


def stopped(bootstrap: str, topic: str) -> KafkaError:
    """Return the error that says that messages that are there do not come."""
    return KafkaError(f"Kafka at {bootstrap} stopped sending {topic}")


def wrong_partitions(topic: str, found: int, said: int) -> KafkaError:
    """Return the error that says that a topic is not divided as its plan says."""
    return KafkaError(
        f"{topic} has {found:,} partitions, its plan says {said:,}",
        next_step="submit the request again",
    )


def unknown_ends(topic: str, reason: str, partitions: Collection[int] = ()) -> KafkaError:
    """Return the error that says that Kafka does not tell which offset comes next."""
    of = f"partitions {sorted(partitions)} of {topic} end" if partitions else f"{topic} ends"
    return KafkaError(f"Kafka does not tell where {of}: {reason}")
