"""Many customers, several accounts, few workers, in simulated time: who waits for whom, and how long."""
