"""Protect: from delivered text to a typed batch without personal data.

Belongs here: casting cells by the contract, checking identity documents, pseudonyms, linking keys.
Does not belong here: reading files, judging rows (that is Validate).
"""

from pipelines.protection.protect import Origin, Protected, protect, protect_all, respell, store_cells

__all__ = ["Origin", "Protected", "protect", "protect_all", "respell", "store_cells"]
