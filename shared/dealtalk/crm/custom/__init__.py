"""A CRM of one's own: the public custom-channel protocol, and deals on top of it. docs/crm/custom.md describes it."""
