"""Reading a delivered file: bytes in, one text frame and a full account of its rows out, or a refusal.

Belongs here: encodings, the CSV dialect, Excel through a child process, finding the header row by the
contract, and classifying every row. Nothing is cast, corrected or guessed here; nothing is written.
"""

from pipelines.reading.deliveries import Delivered, RowAccount, read_file
from pipelines.reading.refusals import REFUSAL_CODES

__all__ = ["REFUSAL_CODES", "Delivered", "RowAccount", "read_file"]
