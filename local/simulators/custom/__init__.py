"""A company's own CRM that speaks the custom channel's protocol: strict about what it is sent, bent by switches."""
