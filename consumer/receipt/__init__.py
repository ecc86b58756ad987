"""What a job sent, of what, and whether it is all here: the proof, the receipt, and both in words.

Made of the manifest, and of counts of what lies on disk, alone; nothing here reads Kafka or a file. Other forms of a
receipt come in here.
"""

from consumer.receipt.bounds import bounds_lines, here_text, left_out_lines
from consumer.receipt.proof import FragmentGap, Proof, prove
from consumer.receipt.receipt import Held, Receipt, count_disk, make_receipt
from consumer.receipt.text import receipt_text

__all__ = [
    "FragmentGap",
    "Held",
    "Proof",
    "Receipt",
    "bounds_lines",
    "count_disk",
    "here_text",
    "left_out_lines",
    "make_receipt",
    "prove",
    "receipt_text",
]
