"""What topics hold: how many messages, since when and until when; and which of them a user may not see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import confluent_kafka as ck
import confluent_kafka.admin as ck_admin

from consumer.kafka import NOT_ALLOWED, code_of, reason_of
from engine.errors import KafkaError
from engine.kafka.admin import TopicAdmin
from engine.kafka.limits import MAX_MESSAGE_NBYTES

__all__ = ["Holding", "TopicHoldings"]

_ANSWER_S = 10.0
_LONG_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What a topic holds."""

    num_messages: int
    """That it has, copies counted."""
    num_written: int
    """That were ever written to it, those counted that Kafka has dropped since."""
    written_at: float | None
    """Time of the newest message that it has, Unix time in seconds; None: it has none, or Kafka does not tell."""
    retention_s: float | None
    """How long Kafka keeps a message; None: for ever, or it does not tell us."""
    is_made_by_us: bool
    """Whether it is set up as we set up a job's topics, as far as Kafka tells us."""


@dataclass(frozen=True, kw_only=True)
class TopicHoldings(TopicAdmin):
    """A Kafka whose topics are looked into."""

    def hidden(self, topics: Collection[str]) -> set[str]:
        """Return those topics of which Kafka does not let us know whether they are there.

        Raises
        ------
        KafkaError
            If it does not answer.
        """
        if not topics:
            return set()
        asked = self._admin().describe_topics(ck.TopicCollection(sorted(topics)), request_timeout=_LONG_S)
        found = set()
        for name, future in asked.items():
            try:
                future.result()
            except ck.KafkaException as exc:
                if code_of(exc) in NOT_ALLOWED:
                    found.add(name)
                elif code_of(exc) != ck.KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise KafkaError(f"Kafka does not tell of the topic {name!r}: {reason_of(exc)}") from exc
        return found

    def holdings(self, topics: Collection[str]) -> dict[str, Holding]:
        """Return what topics hold; those are left out that are gone, or of which Kafka does not tell.

        Raises
        ------
        KafkaError
            If no broker answers.
        """
        known = self._metadata().topics
        partitions = [(name, number) for name in sorted(topics) if name in known for number in known[name].partitions]
        if not partitions:
            return {}
        firsts = _known(self._offsets(partitions, ck_admin.OffsetSpec.earliest()))
        ends = _known(self._offsets(partitions, ck_admin.OffsetSpec.latest()))
        newest = self._offsets(partitions, ck_admin.OffsetSpec.max_timestamp())
        configs = self._configs({name for name, _ in partitions})
        found = {}
        for topic in {name for name, _ in partitions}:
            of = [place for place in partitions if place[0] == topic]
            if any(place not in firsts or place not in ends for place in of):
                continue
            times = [newest[place].timestamp for place in of if place in newest and newest[place].timestamp >= 0]
            found[topic] = Holding(
                num_messages=sum(ends[place] - firsts[place] for place in of),
                num_written=sum(ends[place] for place in of),
                written_at=max(times) / 1000 if times else None,
                retention_s=_retention_s(configs.get(topic, {})),
                is_made_by_us=configs.get(topic, {}).get("max.message.bytes") == str(MAX_MESSAGE_NBYTES),
            )
        return found

    def _offsets(
        self, partitions: Collection[tuple[str, int]], which: ck_admin.OffsetSpec
    ) -> dict[tuple[str, int], ck_admin.ListOffsetsResultInfo]:
        """Return what Kafka says of partitions, those left out of which it says nothing."""
        wanted = {ck.TopicPartition(*place): which for place in partitions}
        asked = self._admin().list_offsets(wanted, request_timeout=_LONG_S)
        told = {(place.topic, place.partition): future for place, future in asked.items()}
        return dict(_told(told))

    def _configs(self, topics: Collection[str]) -> dict[str, dict[str, str | None]]:
        resources = [ck_admin.ConfigResource(ck_admin.ResourceType.TOPIC, name) for name in sorted(topics)]
        asked = self._admin().describe_configs(resources, request_timeout=_LONG_S)
        told = _told({resource.name: future for resource, future in asked.items()})
        return {topic: {name: entry.value for name, entry in found.items()} for topic, found in told}


def _retention_s(config: Mapping[str, str | None]) -> float | None:
    kept = int(config.get("retention.ms") or -1)
    return kept / 1000 if kept >= 0 else None


def _known(found: Mapping[tuple[str, int], ck_admin.ListOffsetsResultInfo]) -> dict[tuple[str, int], int]:
    """Return offsets, without those that librdkafka calls invalid, as it does where a connection broke on the way."""
    return {place: info.offset for place, info in found.items() if info.offset >= 0}


def _told(futures: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the answers that came: a topic may be deleted meanwhile, a right lack, a broker be too old to know."""
    for key, future in futures.items():
        try:
            yield key, future.result()
        except ck.KafkaException:
            continue
