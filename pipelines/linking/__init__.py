"""Linking: people whom the grid found without a usable number, and who they are in the books of household and police.

A model of record linkage (Fellegi and Sunter, computed by Splink) compares keys for equality, never names. A pair that
is likely enough, and has no rival, is a link; less likely ones and ties are kept for review and change no figure.
Belongs here: which rows are compared, the model, the decision, what is kept of it. All of it stays in the linking zone;
what leaves it is a pseudonym per linked row (the control table `links`), and which rows wait for a person
(`links_for_review`). Does not belong here: the keys (see
`protection.linking`), what a link does to a figure (see the models people_found, registered_persons, known_persons).
"""

from pipelines.linking.months import DECIDED_SCHEMA, LinkedMonth, link_months, linked_rows, pairs_for_review

__all__ = ["DECIDED_SCHEMA", "LinkedMonth", "link_months", "linked_rows", "pairs_for_review"]
