from .cluster import KafkaCluster
from .from_settings import kafka_of
from .manifest import ManifestReader, ManifestWriter
from .producer import FragmentSender

__all__ = ["FragmentSender", "KafkaCluster", "ManifestReader", "ManifestWriter", "kafka_of"]
