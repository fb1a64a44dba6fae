"""GetCourse: chats by the custom channel, orders by its import API. docs/crm/getcourse.md says what that leaves out."""
