"""Avro datums to Arrow: many of them at once, with the types that their schema gives them.

A datum that is none is named with its reason and put aside, and costs no more memory than its bytes. Nothing here knows
Kafka, a file or a job. Further types of Avro come in here.
"""

from consumer.decoding.datums import Datums
from consumer.decoding.decoder import Decoded, Decoder

__all__ = ["Datums", "Decoded", "Decoder"]
