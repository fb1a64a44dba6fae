"""Rules of the protocol taken out of the real code, one at a time, in memory: the simulation must notice."""
