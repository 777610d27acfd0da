"""The steward's loop: what is wrong with delivered rows becomes a work list that closes itself.

Rows that rules refuse are grouped into tickets (`tickets`) and ranked by the verdicts that they leave undetermined
(`work_list`). A steward decides on rows (`decisions`), suppliers send corrections of them (`correction_sheet`); a run
applies what is in force (`decided_batches`), re-validated by every rule.
"""
