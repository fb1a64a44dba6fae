"""GetCourse: its import API, strict, beside a chat that speaks the custom channel's protocol."""
