"""The wire contract: topic names, message keys, Avro types and the records of the manifest.

The engine writes what stands here and the consumer reads it, so the contract stands once; docs/wire-contract.md
describes it for other programs. Nothing in it touches Kafka, a file or a clock. Further
records and versions come in here.

A job is three topics. `<topic>` holds the alerts, one Avro datum a message. `<topic>_schema` holds copies of the
Avro schema in message keys. `<topic>_manifest` (one partition, so its records have one order) holds JSON records:
the plan and its parts, one record per finished fragment and one per night whose alerts were counted, heartbeats,
changes of state, requests to cancel, lines of the job's log.
"""

from consumer.wire.avro_types import arrow_type, avro_type
from consumer.wire.job_list import JobSummary, decode_summary, encode_summary
from consumer.wire.keys import decode_key, digest_candids, digests_by_fragment, encode_keys, partitions_of
from consumer.wire.log_lines import LEVELS, MOST_CHARACTERS, MOST_LINES, LogLine
from consumer.wire.manifest import FINAL_STATES, HEARTBEAT_EVERY_S, INTERRUPTED_AFTER_S, STATES, LeftOut, Manifest
from consumer.wire.reading import PassedOver
from consumer.wire.records import (
    WIRE_VERSION,
    CancelRequest,
    FragmentDone,
    Heartbeat,
    LogLines,
    NightDone,
    Plan,
    PlanPart,
    Record,
    StateChange,
    decode_record,
    encode_record,
    version_for,
)
from consumer.wire.time_scales import FIRST_TIME_SCALE, TIME_SCALES, utc_days
from consumer.wire.topics import JOBS_TOPIC, TOPIC_PREFIX, check_topic, manifest_topic, schema_topic

__all__ = [
    "FINAL_STATES",
    "FIRST_TIME_SCALE",
    "HEARTBEAT_EVERY_S",
    "INTERRUPTED_AFTER_S",
    "JOBS_TOPIC",
    "LEVELS",
    "MOST_CHARACTERS",
    "MOST_LINES",
    "STATES",
    "TIME_SCALES",
    "TOPIC_PREFIX",
    "WIRE_VERSION",
    "CancelRequest",
    "FragmentDone",
    "Heartbeat",
    "JobSummary",
    "LeftOut",
    "LogLine",
    "LogLines",
    "Manifest",
    "NightDone",
    "PassedOver",
    "Plan",
    "PlanPart",
    "Record",
    "StateChange",
    "arrow_type",
    "avro_type",
    "check_topic",
    "decode_key",
    "decode_record",
    "decode_summary",
    "digest_candids",
    "digests_by_fragment",
    "encode_keys",
    "encode_record",
    "encode_summary",
    "manifest_topic",
    "partitions_of",
    "schema_topic",
    "utc_days",
    "version_for",
]
