"""HubSpot: the Conversations inbox, and the deals of its CRM."""
