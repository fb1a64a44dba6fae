"""The integrator's command line: connect a CRM account, check a connection."""
