"""amoCRM and Kommo: one adapter, two hosts."""
