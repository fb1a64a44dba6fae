"""RetailCRM (Simla): orders by API v5, chats by the MG Bot API."""
