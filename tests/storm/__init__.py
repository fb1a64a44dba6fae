"""Two thousand customers at once on the running stack, everything failing a little; then the seven invariants."""
