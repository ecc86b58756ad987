"""From a topic to the folder, or to a stream of batches: rounds, their order, duplicates dropped, datums decoded.

Data flows one way: messages, rows, Arrow tables, files. Faster decoding and writing come in here.
"""

from consumer.fetching.consuming import consume
from consumer.fetching.results import ConsumeProgress, ConsumeResult
from consumer.fetching.streaming import stream

__all__ = ["ConsumeProgress", "ConsumeResult", "consume", "stream"]
