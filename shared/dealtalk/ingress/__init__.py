"""What a webhook runs: decode, authenticate, parse, store, ring."""
