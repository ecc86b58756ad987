"""The rights of a job's topics: who may read and write them, set where Kafka has users and lets us."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin

from consumer.kafka import NOT_ALLOWED, code_of, reason_of
from consumer.wire import manifest_topic, schema_topic
from engine.errors import KafkaError
from engine.kafka.holdings import TopicHoldings
from engine.kafka.users import kafka_user

__all__ = ["TopicRights"]

_ANSWER_S = 10.0
_READ = ck_admin.AclOperation.READ
_WRITE = ck_admin.AclOperation.WRITE
_DELETE = ck_admin.AclOperation.DELETE
_LIMITS = ck_admin.AclOperation.DESCRIBE_CONFIGS
# Describe comes with each of them.
_TO_SEND = (_READ, _WRITE, _DELETE, _LIMITS)
_UNSUPPORTED = frozenset({ck.KafkaError.UNSUPPORTED_VERSION, ck.KafkaError._UNSUPPORTED_FEATURE})


@dataclass(frozen=True, kw_only=True)
class TopicRights(TopicHoldings):
    """A Kafka in which the topics of a job are given to its users."""

    def set_rights(self, topic: str, *, owner: str, shared: Iterable[str], operators: Iterable[str]) -> str | None:
        """Give the rights to a job's topics to those who need them; what others have of it, they keep.

        Parameters
        ----------
        topic
            The data topic; its three topics are there.
        owner
            Reads the topics, may have the job cancelled and delete them; so may our own user, who also sends.
        shared
            Read them.
        operators
            May do all.

        Returns
        -------
        reason
            Why none was set, to be put into a sentence; None: all are.

        Raises
        ------
        KafkaError
            If Kafka does not answer, or refuses for a reason that is nobody's rights.
        """
        sender = kafka_user(self.options)
        if sender is None:
            # Who has no right on a topic on which another has one is shut out by some Kafkas: it might be we.
            return "the settings do not tell by what name Kafka knows this user"
        data, schema, manifest = names = (topic, schema_topic(topic), manifest_topic(topic))
        bindings = [
            *_bindings([sender, *operators], names, _TO_SEND),
            *_bindings([owner] if owner else [], names, (_READ, _DELETE)),
            *_bindings([owner] if owner else [], [manifest], (_WRITE,)),
            *_bindings(shared, (data, schema, manifest), (_READ,)),
        ]
        futures = self._admin().create_acls(list(dict.fromkeys(bindings)), request_timeout=_ANSWER_S)
        for future in futures.values():
            try:
                future.result()
            except ck.KafkaException as exc:
                if code_of(exc) in NOT_ALLOWED:
                    return "Kafka does not let this user set rights (Alter on the cluster)"
                if code_of(exc) == ck.KafkaError.SECURITY_DISABLED or code_of(exc) in _UNSUPPORTED:
                    return "Kafka has no rights there: whoever reaches it may read and write all topics"
                raise KafkaError(
                    f"Kafka at {self.bootstrap} does not set the rights of {topic}: {reason_of(exc)}",
                    next_step="have Kafka's operator look into its log",
                ) from exc
        return None

    def delete_job_topics(self, topic: str, *, only: Collection[str] | None = None) -> None:
        """Delete the topics of a job, and the rights that were given to them by name.

        Parameters
        ----------
        topic
            The data topic.
        only
            Those that are there; default: all three are asked for, and those that are not there are no error.

        Raises
        ------
        KafkaError
            If one can't be deleted.
        """
        names = [topic, schema_topic(topic), manifest_topic(topic)]
        self.delete_topics([name for name in names if only is None or name in only])
        # A later topic of the same name is another job's. Where we may set no rights, we have set none.
        for future in (
            self._admin().delete_acls([_of_topic(name) for name in names], request_timeout=_ANSWER_S).values()
        ):
            try:
                future.result()
            except ck.KafkaException as exc:
                if code_of(exc) not in NOT_ALLOWED | _UNSUPPORTED | {ck.KafkaError.SECURITY_DISABLED}:
                    raise KafkaError(
                        f"the topics of {topic} are deleted, and Kafka at {self.bootstrap} keeps their rights: "
                        f"{reason_of(exc)}",
                        next_step="have Kafka's operator remove the rights of these names",
                    ) from exc


def _bindings(
    users: Iterable[str], topics: Iterable[str], operations: Iterable[ck_admin.AclOperation]
) -> list[ck_admin.AclBinding]:
    topics, operations = tuple(topics), tuple(operations)
    return [_binding(topic, user, operation) for user in users for topic in topics for operation in operations]


def _binding(topic: str, user: str, operation: ck_admin.AclOperation) -> ck_admin.AclBinding:
    return ck_admin.AclBinding(
        ck_admin.ResourceType.TOPIC,
        topic,
        ck_admin.ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        operation,
        ck_admin.AclPermissionType.ALLOW,
    )


def _of_topic(topic: str) -> ck_admin.AclBindingFilter:
    return ck_admin.AclBindingFilter(
        ck_admin.ResourceType.TOPIC,
        topic,
        ck_admin.ResourcePatternType.LITERAL,
        None,  # type: ignore[arg-type]  # stands for every user; the types of confluent_kafka do not say so
        None,  # type: ignore[arg-type]  # and every host
        ck_admin.AclOperation.ANY,
        ck_admin.AclPermissionType.ANY,
    )
