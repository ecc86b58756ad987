from .link import looks_like_link
from .request import TransferRequest
from .yaml_form import read_yaml, write_yaml

__all__ = ["TransferRequest", "looks_like_link", "read_yaml", "write_yaml"]
