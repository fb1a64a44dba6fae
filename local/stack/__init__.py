"""The project's own deploy on an AWS emulator: no Docker, no account."""
