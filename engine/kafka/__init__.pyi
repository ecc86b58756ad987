from .cluster import KafkaCluster
from .from_settings import kafka_of
from .holdings import Holding
from .manifest import ManifestReader, ManifestWriter
from .producer import FragmentSender
from .users import own_name, user_name, user_names

__all__ = [
    "FragmentSender",
    "Holding",
    "KafkaCluster",
    "ManifestReader",
    "ManifestWriter",
    "kafka_of",
    "own_name",
    "user_name",
    "user_names",
]
