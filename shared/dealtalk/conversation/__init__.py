"""The state of conversations: the table, the doorbell, the rules, the journal."""
