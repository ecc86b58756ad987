from .link import looks_like_link
from .request import TEST_ALERTS, TransferRequest
from .yaml_form import read_yaml, write_yaml

__all__ = ["TEST_ALERTS", "TransferRequest", "looks_like_link", "read_yaml", "write_yaml"]
